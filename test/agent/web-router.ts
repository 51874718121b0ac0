import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'

/** What an agent may be told to run. */
export const WEB: VirtualRouterSpec = {
  virtualIP: 'web',
  family: 'IPv4',
  link: 'eth0',
  virtualRouterID: 51,
  priority: 100,
  version: 3,
  checksum: 'PseudoHeader',
  advertisementInterval: '200ms',
  preemption: { mode: 'Always' },
  addresses: ['10.0.0.100/24'],
}
