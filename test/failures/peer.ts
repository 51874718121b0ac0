import type { Kind } from '../lab/moving-pair.ts'

/** Who is measured: both nodes run it. */
export interface Peer {
  /** As the table has it. */
  readonly name: string
  readonly kind: Kind
  /** Of adverts, in ms */
  readonly interval: number
  /** Loaded before our agents. */
  readonly preload?: URL
}

export const OURS_200: Peer = { name: 'kube-vrrp, 200 ms', kind: 'ours', interval: 200 }
export const OURS_100: Peer = { name: 'kube-vrrp, 100 ms', kind: 'ours', interval: 100 }
export const THEIRS_200: Peer = { name: 'keepalived, 200 ms', kind: 'keepalived', interval: 200 }
export const THEIRS_100: Peer = { name: 'keepalived, 100 ms', kind: 'keepalived', interval: 100 }
export const UNFENCED_200: Peer = {
  name: 'kube-vrrp without nf_tables, 200 ms',
  kind: 'ours',
  interval: 200,
  preload: new URL('../lab/without-nftables.ts', import.meta.url),
}
