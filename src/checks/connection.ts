import { connect, type LookupFunction, type Socket } from 'node:net'
import { formatDuration, type Millis } from '../lib/time.ts'
import { oneLine } from './one-line.ts'
import type { Outcome, Run } from './run.ts'
import { afterLimit } from './time-limit.ts'

interface Peer {
  /** An address or a name. */
  readonly host: string
  readonly port: number
}

/** Ends a run: it has passed, or failed for this reason. */
export type Decide = (failure?: string | Error) => void

/**
 * One run over a TCP connection of its own. `begin` is called when it is open; it is closed as soon as the outcome is known: by `begin`, at the
 * first error, after `limit`, or once `signal` aborts. `what`: what was tried, which a failure's sentence begins with.
 */
export function overConnection(
  what: string,
  { host, port }: Peer,
  limit: Millis,
  signal: AbortSignal,
  begin: (socket: Socket, decide: Decide) => void,
): Run {
  const outcome = Promise.withResolvers<Outcome>()
  const names = new NameLookup()
  const socket = connect({ host, port, lookup: names.lookup })
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))

  const decide: Decide = failure => {
    const reason = failure instanceof Error ? reasonOf(failure) : failure
    outcome.resolve(reason === undefined ? { passed: true } : { passed: false, message: `${what}: ${reason}` })
    unlimit()
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
  const onAbort = () => decide('was ended with its check')
  const unlimit = afterLimit(limit, () => decide(`no answer within ${formatDuration(limit)}`))
  signal.addEventListener('abort', onAbort, { once: true })
  socket.on('error', decide)
  socket.once('connect', () => {
    if (metItself(socket)) {
      // Closed as usual, it would keep a server from the port for a minute (TIME_WAIT).
      socket.resetAndDestroy()
      decide('ECONNREFUSED')
    } else begin(socket, decide)
  })
  return { outcome: outcome.promise, ended: closed.then(() => names.ended) }
}

/** `[::1]:80`, `localhost:80` */
export function peerText({ host, port }: Peer): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What may happen where nobody listens on a port that the kernel also gives to those who connect (ip_local_port_range). */
function metItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress
}

/** The resolver's threads can't be called off: a run whose name is still looked up has not ended, so that lookups don't pile up. */
class NameLookup {
  ended: Promise<void> = Promise.resolve()

  readonly lookup: LookupFunction = (host, options, callback) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    process.getBuiltinModule('node:dns').lookup(host, options, (error, addresses, family) => {
      resolve()
      callback(error, addresses, family)
    })
  }
}

function reasonOf(error: Error): string {
  const { code = '' } = error as { code?: string }
  const [, openssl] = /:error:[^:]*:[^:]*:[^:]*:([^:]+)/.exec(error.message) ?? []
  if (openssl !== undefined) return `TLS: ${openssl}`
  // An errno or a resolver's code (ECONNREFUSED, EAI_AGAIN) says it all; Node's own (ERR_…) need their sentence, without advice on Node.
  return /^E(?!RR_)[A-Z0-9_]+$/.test(code) ? code : oneLine(error.message.replace(/; if the root CA .*/, ''))
}
