{{- define "kube-vrrp.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- /* The longest name made of it is a label's value: 52 characters and "-controller". */ -}}
{{- define "kube-vrrp.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $release | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "kube-vrrp.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "kube-vrrp.agent" -}}
{{ include "kube-vrrp.fullname" . }}-agent
{{- end -}}

{{- define "kube-vrrp.controller" -}}
{{ include "kube-vrrp.fullname" . }}-controller
{{- end -}}

{{- /* What is the cluster's bears the namespace too, so that two releases of one name don't meet. */ -}}
{{- define "kube-vrrp.agentOfCluster" -}}
{{ include "kube-vrrp.agent" . }}.{{ include "kube-vrrp.namespace" . }}
{{- end -}}

{{- define "kube-vrrp.controllerOfCluster" -}}
{{ include "kube-vrrp.controller" . }}.{{ include "kube-vrrp.namespace" . }}
{{- end -}}

{{- define "kube-vrrp.agentAccount" -}}
{{- .Values.agent.serviceAccount.name | default (include "kube-vrrp.agent" .) -}}
{{- end -}}

{{- define "kube-vrrp.controllerAccount" -}}
{{- .Values.controller.serviceAccount.name | default (include "kube-vrrp.controller" .) -}}
{{- end -}}

{{- define "kube-vrrp.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Of every object. */ -}}
{{- define "kube-vrrp.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "kube-vrrp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kube-vrrp
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* A component's pods: list . "agent" */ -}}
{{- define "kube-vrrp.selector" -}}
{{- with index . 0 -}}
app.kubernetes.io/name: {{ include "kube-vrrp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /* The labels of a component's pods: list . "agent". The controller finds agents' pods by part-of and component. */ -}}
{{- define "kube-vrrp.podLabels" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{ include "kube-vrrp.selector" . }}
app.kubernetes.io/part-of: kube-vrrp
{{- with mergeOverwrite (dict) ($root.Values.commonLabels | default dict) (index $root.Values $component "podLabels" | default dict) }}
{{ toYaml . }}
{{- end }}
{{- end -}}
