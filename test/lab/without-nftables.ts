/* Preloaded, it makes the kernel one without nf_tables. */
import { registerHooks } from 'node:module'

const SOCKET = `
import { SyscallError } from './syscall-error.ts'
export class NftablesSocket {
  constructor() {
    throw new SyscallError('open a netfilter socket', 'EPROTONOSUPPORT')
  }
}`

registerHooks({
  load: (url, context, nextLoad) =>
    url.endsWith('/src/linux/nftables-socket.ts')
      ? { format: 'module', source: SOCKET, shortCircuit: true }
      : nextLoad(url, context),
})
