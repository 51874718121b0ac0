import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientOf, type KubeClient } from '../../src/kube/client.ts'
import type { Resource } from '../../src/kube/resources.ts'

export const THINGS: Resource = { apiVersion: 'test/v1', kind: 'Thing', plural: 'things', namespaced: false }

export interface Thing {
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly value?: number
}

/** How a request is answered instead of properly; `Fault`s are used up one request at a time. */
export type Fault =
  | { readonly type: 'Status'; readonly status: number; readonly reason?: string; readonly retryAfter?: number }
  | { readonly type: 'None' }
  | { readonly type: 'Silence' }
  | { readonly type: 'Cut' }
  | { readonly type: 'Body' | 'HalfBody'; readonly text: string }

/** An API server with one kind of thing, that misbehaves when told to. */
export class FaultyServer {
  /** `list`, `watch 12`, `PATCH /path`, in the order they arrived. */
  readonly requests: string[] = []
  readonly bodies: unknown[] = []
  readonly urls: URL[] = []
  readonly contentTypes: (string | undefined)[] = []
  readonly listFaults: Fault[] = []
  readonly watchFaults: Fault[] = []
  readonly writeFaults: Fault[] = []
  /** Things a page; more are given by `continue`. */
  pageSize = 1000
  readonly things = new Map<string, Thing>()
  resourceVersion = 10
  readonly #server = createServer((request, response) => this.#answer(request, response))
  readonly #sockets = new Set<Socket>()
  #watches: ServerResponse[] = []
  #port = 0

  async open(): Promise<void> {
    this.#server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await this.listen()
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Nothing listens any more and every connection is reset. */
  async shut(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    this.#watches = []
    await closed
  }

  get connections(): number {
    return this.#sockets.size
  }

  get watching(): number {
    return this.#watches.length
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  client(timeout = 5000): KubeClient {
    const server = new URL(this.url)
    return clientOf({ server, source: 'test', requestOptions: async () => ({}) }, { timeout })
  }

  /** Changes a thing as another client would. */
  put(name: string, value: number): Thing {
    const type = this.things.has(name) ? 'MODIFIED' : 'ADDED'
    const thing = { metadata: { name, resourceVersion: String(++this.resourceVersion) }, value }
    this.things.set(name, thing)
    this.send({ type, object: thing })
    return thing
  }

  remove(name: string): void {
    const thing = this.things.get(name)
    this.things.delete(name)
    const metadata = { ...thing?.metadata, resourceVersion: String(++this.resourceVersion) }
    this.send({ type: 'DELETED', object: { ...thing, metadata } })
  }

  /** Something happens and no watch tells. */
  unheard(change: () => void): void {
    const watches = this.#watches
    this.#watches = []
    change()
    this.#watches = watches
  }

  bookmark(resourceVersion: number): void {
    this.resourceVersion = resourceVersion
    this.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(resourceVersion) } } })
  }

  send(event: object): void {
    this.sendText(`${JSON.stringify(event)}\n`)
  }

  sendText(text: string): void {
    this.sendBytes(Buffer.from(text))
  }

  sendBytes(text: Buffer): void {
    for (const watch of this.#watches) watch.write(text)
  }

  /** As the API server does after timeoutSeconds. */
  endWatches(): void {
    for (const watch of this.#watches.splice(0)) watch.end()
  }

  cutWatches(): void {
    for (const watch of this.#watches.splice(0)) watch.destroy()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://test')
    const isWatch = url.searchParams.get('watch') === 'true'
    const isWrite = request.method !== 'GET'
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    this.urls.push(url)
    this.contentTypes.push(request.headers['content-type'])
    if (isWrite) this.bodies.push(JSON.parse(text))
    if (isWatch) this.requests.push(`watch ${url.searchParams.get('resourceVersion')}`)
    else this.requests.push(isWrite ? `${request.method} ${url.pathname}` : 'list')
    const fault = (isWatch ? this.watchFaults : isWrite ? this.writeFaults : this.listFaults).shift()
    if (fault && fault.type !== 'None') return misbehave(fault, response)
    if (isWatch) return this.#watch(response)
    if (isWrite)
      return answer(response, 200, { metadata: { name: url.pathname.split('/').at(-1) }, ...JSON.parse(text) })
    return this.#list(url, response)
  }

  #watch(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    this.#watches.push(response)
    response.on('close', () => {
      this.#watches = this.#watches.filter(open => open !== response)
    })
  }

  #list(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('continue') ?? 0)
    const items = [...this.things.values()]
    const next = from + this.pageSize
    const metadata = {
      resourceVersion: String(this.resourceVersion),
      ...(next < items.length && { continue: String(next) }),
    }
    answer(response, 200, { metadata, items: items.slice(from, next) })
  }
}

function misbehave(fault: Exclude<Fault, { type: 'None' }>, response: ServerResponse): void {
  switch (fault.type) {
    case 'Silence':
      return
    case 'Cut':
      response.destroy()
      return
    case 'Body':
      response.end(fault.text)
      return
    case 'HalfBody':
      response.write(fault.text)
      return
    case 'Status': {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter)
      answer(response, fault.status, { kind: 'Status', reason: fault.reason, message: `fault ${fault.status}` })
    }
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Waits, without a limit of its own, for what must become so; the test's time-out ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2)
}
