import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Registry } from 'prom-client'

// A static import of node:http costs 10 MB: it evaluates the getters that load fetch and WebSocket.
const { createServer } = process.getBuiltinModule('node:http')

export interface HealthOptions {
  /** `:9180` (every address), `127.0.0.1:9180`, `[::1]:9180`; port 0: any free one. */
  readonly address: string
  readonly registry: Registry
  /** /healthz: true, or the sentence that says why this process had better be restarted. */
  readonly healthy: () => true | string
  /** /readyz: true, or the sentence that says what it still waits for. */
  readonly ready: () => true | string
}

export interface HealthServer {
  /** Where it listens, with the port it got. */
  readonly address: string
  close(): Promise<void>
}

/** Serves /metrics, /healthz and /readyz. Throws with a sentence where it can't listen there. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const { host, port } = parseListenAddress(options.address)
  const render = sharedBetweenReaders(() => renderMetrics(options.registry))
  const server = createServer((request, response) => {
    answer(options, render, request, response).catch((error: Error) => response.destroy(error))
  })
  await listening(server, options.address, host, port)
  const bound = server.address() as AddressInfo
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () => closed(server),
  }
}

async function answer(
  { registry, healthy, ready }: HealthOptions,
  render: () => Promise<string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'Only GET is answered')
  switch (request.url?.split('?')[0]) {
    case '/metrics':
      response.setHeader('content-type', registry.contentType)
      response.end(await render())
      return
    case '/healthz':
      return sayHealth(response, healthy())
    case '/readyz':
      return sayHealth(response, ready())
    default:
      return say(response, 404, 'There are /metrics, /healthz and /readyz')
  }
}

function sayHealth(response: ServerResponse, health: true | string): void {
  if (health === true) say(response, 200, 'ok')
  else say(response, 503, health)
}

function say(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`)
}

/** As `registry.metrics()`, but a metric a turn of the event loop: adverts go out between two of them. */
async function renderMetrics(registry: Registry): Promise<string> {
  const texts: string[] = []
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name))
    await nextTurn()
  }
  return `${texts.join('\n\n')}\n`
}

/** Whoever asks while an answer is being made gets that one: many readers cost what one does. */
function sharedBetweenReaders<T>(make: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined
  return () => {
    pending ??= make().finally(() => {
      pending = undefined
    })
    return pending
  }
}

function parseListenAddress(address: string): { host?: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(address) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw new Error(
      `Cannot serve metrics on "${address}": --metrics-address is like :9180, 127.0.0.1:9180 or [::1]:9180`,
    )
  }
  const host = bracketed ?? plain
  return host ? { host, port } : { port }
}

function listening(server: Server, address: string, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new Error(`Cannot serve metrics on ${address}: ${cause.code}${adviceFor(cause.code)}`, { cause }))
    })
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
  })
}

function adviceFor(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return ' (another process listens there; choose another with --metrics-address)'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return ' (this host has no such address; choose another with --metrics-address)'
    case 'EACCES':
      return ' (not allowed; choose a port above 1023 with --metrics-address)'
    default:
      return ' (choose another with --metrics-address)'
  }
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
