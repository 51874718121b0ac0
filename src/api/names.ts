export const GROUP = 'kube-vrrp.io'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}` as const

/** Where agents' Leases, the controller's Lease and Secrets live unless --namespace says otherwise. */
export const DEFAULT_NAMESPACE = 'kube-vrrp'
export const CONTROLLER_LEASE = 'kube-vrrp-controller'

/** The one Secret that agents may read, unless the chart's value agent.passwordSecret is another: a key for each password. */
export const PASSWORD_SECRET = 'kube-vrrp-passwords'

/** The key in it, where a VirtualIP names none. */
export const PASSWORD_KEY = 'password'

/** What a namespace may be called: a regular expression for CEL and for JavaScript. */
export const NAMESPACE = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

export function isNamespace(text: string): boolean {
  return new RegExp(NAMESPACE).test(text)
}

/** An agent's Lease: one per node. */
export function agentLeaseName(node: string): string {
  return `kube-vrrp-agent-${node}`
}

/** A node with this label serves no load-balanced traffic (Kubernetes' own label); it ranks last. */
export const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers'

export const FIELD_MANAGER = { controller: 'kube-vrrp-controller', agent: 'kube-vrrp-agent' } as const
