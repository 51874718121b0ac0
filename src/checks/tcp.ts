import type { TcpCheck } from '../api/check.ts'
import type { Millis } from '../lib/time.ts'
import { overConnection, peerText } from './connection.ts'
import type { Run } from './run.ts'

/** Passes when a connection opens within `limit`; nothing is sent. */
export function openConnection({ host = '127.0.0.1', port }: TcpCheck, limit: Millis, signal: AbortSignal): Run {
  const peer = { host, port }
  return overConnection(`Cannot connect to ${peerText(peer)}`, peer, limit, signal, (_socket, decide) => decide())
}
