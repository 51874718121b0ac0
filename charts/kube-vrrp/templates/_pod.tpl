{{- /* What the pods of both components have: list . "agent" */ -}}
{{- define "kube-vrrp.podCommon" -}}
{{- $root := index . 0 -}}
{{- $its := index $root.Values (index . 1) -}}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $its.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $its.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $its.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ $its.terminationGracePeriodSeconds }}
{{- with $its.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What their containers have: list . "agent" "127.0.0.1" (where kubelets ask; empty: the pod's address) */ -}}
{{- define "kube-vrrp.containerCommon" -}}
{{- $root := index . 0 -}}
{{- $its := index $root.Values (index . 1) -}}
{{- $host := index . 2 -}}
image: {{ include "kube-vrrp.image" $root }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
ports:
  - name: metrics
    containerPort: {{ $its.metrics.port }}
{{- range $probe, $path := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{ $probe }}:
  httpGet:
    path: {{ $path }}
    port: metrics
    {{- with $host }}
    host: {{ . | quote }}
    {{- end }}
  {{- toYaml (index $its $probe) | nindent 2 }}
{{- end }}
{{- with $its.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $its.securityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Who and where it is. */ -}}
{{- define "kube-vrrp.environment" -}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end -}}
