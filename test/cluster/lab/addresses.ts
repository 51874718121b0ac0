/* Who has which address in the lab. Free for VirtualIPs: 10.77.0.200 and above, fd00:77::200 and above. */

export const CONTROL_PLANE = '10.77.0.10'
export const CONTROL_PLANE_6 = 'fd00:77::10'
/** Of the API server, on the loopback of the control plane: pods find it there without a kube-proxy. */
export const API_SERVICE = '10.96.0.1'
export const SERVICES = '10.96.0.0/24'
export const PODS = '10.244.0.0/16'
export const CLIENT = '10.77.0.100'
export const CLIENT_6 = 'fd00:77::100'
export const MAX_NODES = 9

export function nodeName(number: number): string {
  return `node${number}`
}

export function nodeAddress(number: number): string {
  return `10.77.0.${10 + number}`
}

export function nodeAddress6(number: number): string {
  return `fd00:77::${10 + number}`
}

/** Where the pods of a node are. */
export function podSubnet(number: number): string {
  return `10.244.${number}.0/24`
}
