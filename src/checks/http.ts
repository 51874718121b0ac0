import type { Socket } from 'node:net'
import type { HttpCheck } from '../api/check.ts'
import type { Millis } from '../lib/time.ts'
import { overConnection, peerText } from './connection.ts'
import type { Run } from './run.ts'
import { encryption } from './tls.ts'

/**
 * Runs of a GET, each on a connection of its own: passes when the head of a response of an expected status is there within the limit.
 * Redirects are not followed; no body is waited for.
 */
export function httpRuns(check: HttpCheck, limit: Millis): (signal: AbortSignal) => Run {
  const { scheme, host = '127.0.0.1', port, path = '/', expectedStatus = ['200-399'] } = check
  const peer = { host, port }
  const what = requestText(check)
  const headers = { 'user-agent': 'kube-vrrp', accept: '*/*', host: peerText(peer), ...headersOf(check) }
  const encrypted = scheme === 'HTTPS' ? encryption(check) : (socket: Socket) => socket
  return signal =>
    overConnection(what, peer, limit, signal, (socket, decide) => {
      // A static import of node:http costs 10 MB.
      const { request } = process.getBuiltinModule('node:http')
      request({ path, headers, createConnection: () => encrypted(socket) })
        .on('error', decide)
        .on('response', ({ statusCode = 0 }) =>
          decide(isExpected(statusCode, expectedStatus) ? undefined : `${statusCode}`),
        )
        .end()
    })
}

/** `GET http://127.0.0.1:80/healthz` */
export function requestText({ scheme = 'HTTP', host = '127.0.0.1', port, path = '/' }: HttpCheck): string {
  return `GET ${scheme.toLowerCase()}://${peerText({ host, port })}${path}`
}

function headersOf({ httpHeaders = [] }: HttpCheck): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  const given = Object.groupBy(httpHeaders, ({ name }) => name.toLowerCase())
  for (const [name, [first, ...more] = []] of Object.entries(given)) {
    if (first) headers[name] = more.length === 0 ? first.value : [first, ...more].map(({ value }) => value)
  }
  return headers
}

function isExpected(status: number, expected: readonly string[]): boolean {
  return expected.some(text => {
    const [from = 0, to = from] = text.split('-').map(Number)
    return status >= from && status <= to
  })
}
