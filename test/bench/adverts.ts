import { ipAddress } from '../../src/lib/ip-address.ts'
import { openVrrpSocket } from '../../src/linux/vrrp-socket.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

export interface HeardAdvert {
  /** labTime */
  readonly at: number
  readonly source: string
  readonly virtualRouterID: number
  readonly priority: number
}

/** Every advert that reaches a node that takes no part. */
export function listen(observer: LabNode): { readonly heard: readonly HeardAdvert[]; close(): void } {
  const heard: HeardAdvert[] = []
  const index = Number(observer.run('cat', '/sys/class/net/eth0/ifindex'))
  const [address = ''] = (observer.addresses[0] ?? '').split('/')
  const socket = inNamespace(observer.name, () =>
    openVrrpSocket({
      family: 'IPv4',
      link: { index, name: 'eth0' },
      source: ipAddress(address),
      onRefused: () => {},
      onReadable: () => {
        const at = labTime()
        socket.drain(({ payload: [, virtualRouterID = 0, priority = 0], source }) => {
          heard.push({ at, source: source.text, virtualRouterID, priority })
        })
      },
    }),
  )
  return { heard, close: () => socket.close() }
}
