import { formatMessage, pad } from 'netlink/dist/structs.js'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { NO_GROUPS, RouteSocket } from '../../src/linux/route-socket.ts'
import type { LabNode } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

/** Deletes an address (without prefix length) that a node's eth0 has now, when it is called: in some microseconds. */
export function deletionOf(node: LabNode, address: string): () => void {
  const [, index = '', length = ''] =
    new RegExp(`^(\\d+): eth0 +inet6? ${address}/(\\d+)`, 'm').exec(node.run('ip', '-o', 'address', 'show')) ?? []
  const { bytes } = ipAddress(address)
  // struct ifaddrmsg: family, prefix length, flags, scope, link
  const body = new Uint8Array(8)
  body.set([bytes.length === 4 ? AF_INET : AF_INET6, Number(length)])
  new DataView(body.buffer).setUint32(4, Number(index), true)
  const attribute = Buffer.concat([new Uint8Array(Uint16Array.of(4 + bytes.length, IFA_LOCAL).buffer), bytes])
  const data = [body, attribute]
  const message = pad(formatMessage({ type: RTM_DELADDR, flags: NLM_F_REQUEST, seq: 1, port: 0, data }))
  return () =>
    inNamespace(node.name, () => {
      const socket = new RouteSocket(NO_GROUPS)
      socket.send(message)
      socket.close()
    })
}

const [AF_INET, AF_INET6] = [2, 10]
const [IFA_LOCAL, RTM_DELADDR, NLM_F_REQUEST] = [2, 21, 1]
