/* Between a client and the real API server: an API server that stalls, lies, breaks off or is not there, when told to. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServer } from './api-server.ts'
import { scratchFolder } from './daemons.ts'

/** What an API server, or what is on the way to it, may do. */
export const FAULTS = {
  HalfOpen: 'connections are accepted and nothing is said; those that were there are forgotten',
  Resets: 'every connection is reset',
  Plaintext: 'something else answers, without TLS',
  Unanswered: 'requests are read and never answered',
  SilentWatches: 'watches say nothing any more; all else is answered',
  ShortWatches: 'every watch ends after its first bookmark',
  Gone: 'watches are refused with 410',
  GoneEvents: 'watches begin, and say 410',
  TooManyRequests: 'everything is refused with 429 and Retry-After: 2',
  LeftAlone: 'everything is refused with 503 and Retry-After: 3600',
  InternalErrors: 'everything is refused with 500',
  RefusedWrites: 'what is written is refused with 500',
  Garbage: 'all answers are random bytes',
  WrongJson: 'all answers are JSON, but none of an API server',
  Truncated: 'every answer and every event ends in the middle',
  Slow: 'everything comes 30 s late, also what nobody waits for any more',
} as const

export type Fault = keyof typeof FAULTS
export type Behaviour = 'Well' | Fault

export interface Asked {
  /** performance.now() */
  readonly at: number
  readonly method: string
  readonly path: string
  readonly watches: boolean
  /** How it behaved. */
  readonly behaviour: Behaviour
}

const SLOW_BY = 30_000
const OTHER_JSON = ['null', '{}', '[]', '{"status":"ok"}', '{"metadata":{},"items":[{}]}', '{"items":null}', '"hello"']

/** Has the certificate of the API server behind it, and passes everything on while it is well. */
export class FaultyApiServer {
  /** All requests that got through to it, in order. */
  readonly asked: Asked[] = []
  /** When connections were opened to it. */
  readonly connected: number[] = []
  readonly #api: ApiServer
  readonly #agent: Agent
  readonly #inner
  readonly #front: Server
  readonly #connections = new Set<Socket>()
  readonly #passages = new Set<Passage>()
  readonly #watches = new Set<OpenWatch>()
  readonly #closing = new AbortController()
  #behaviour: Behaviour = 'Well'

  static async open(api: ApiServer): Promise<FaultyApiServer> {
    const server = new FaultyApiServer(api)
    const address = new URL(api.url).hostname
    await new Promise<void>(resolve => server.#inner.listen(0, '127.0.0.1', resolve))
    await new Promise<void>(resolve => server.#front.listen(0, address, resolve))
    return server
  }

  private constructor(api: ApiServer) {
    this.#api = api
    const cert = readFileSync(api.caFile)
    const key = readFileSync(api.caFile.replace(/crt$/, 'key'))
    this.#agent = new Agent({ keepAlive: true, ca: cert, servername: 'kubernetes' })
    this.#inner = createServer({ cert, key }, (asked, response) => void this.#answer(asked, response).catch(() => {}))
    this.#inner.on('tlsClientError', () => {})
    this.#front = createTcpServer(socket => this.#accept(socket))
  }

  /** A kubeconfig like that one, of the API server, that leads here. */
  kubeconfig(file: string): string {
    const { address, port } = this.#front.address() as AddressInfo
    const copy = `${scratchFolder()}/kubeconfig`
    writeFileSync(copy, readFileSync(file, 'utf8').replace(this.#api.url, `https://${address}:${port}`), {
      mode: 0o600,
    })
    return copy
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour
    for (const passage of this.#passages) this.#changePassage(passage)
    for (const watch of this.#watches) this.#changeWatch(watch)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const connection of this.#connections) connection.destroy()
    this.#inner.closeAllConnections()
    this.#agent.destroy()
    await Promise.all([this.#front, this.#inner].map(server => new Promise(resolve => server.close(resolve))))
  }

  // ---- connections

  #accept(front: Socket): void {
    this.connected.push(performance.now())
    this.#connections.add(front)
    front.on('error', () => {}).on('close', () => this.#connections.delete(front))
    switch (this.#behaviour) {
      case 'Resets':
        front.resetAndDestroy()
        return
      case 'Plaintext':
        front.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
        return
      case 'HalfOpen':
        this.#forget(new Passage(front, undefined))
        return
    }
    const { port } = this.#inner.address() as AddressInfo
    const passage = new Passage(front, connect(port, '127.0.0.1'))
    this.#passages.add(passage)
    front.on('close', () => this.#passages.delete(passage))
  }

  #changePassage(passage: Passage): void {
    if (this.#behaviour === 'HalfOpen') this.#forget(passage)
    if (this.#behaviour === 'Resets' || this.#behaviour === 'Plaintext') passage.front.resetAndDestroy()
  }

  #forget(passage: Passage): void {
    this.#passages.add(passage)
    passage.forget()
    passage.front.on('close', () => this.#passages.delete(passage))
  }

  // ---- requests

  async #answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = asked
    const watches = new URL(url, this.#api.url).searchParams.get('watch') === 'true'
    const chunks: Buffer[] = []
    for await (const chunk of asked) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const behaviour = this.#behaviour
    const count = this.asked.push({ at: performance.now(), method, path: url, watches, behaviour })
    const pass = () => (watches ? this.#watch(asked, response) : this.#pass(asked, body, response, whole))
    switch (behaviour) {
      case 'Well':
      case 'HalfOpen':
      case 'Resets':
      case 'Plaintext':
        return pass()
      case 'Unanswered':
        return
      case 'SilentWatches':
        if (!watches) return pass()
        begin(response)
        return
      case 'ShortWatches':
        if (!watches) return pass()
        begin(response).end(bookmark(url))
        return
      case 'Gone':
        return watches ? refuse(response, 410, 'Expired') : pass()
      case 'GoneEvents':
        if (!watches) return pass()
        begin(response).write(GONE)
        return
      case 'TooManyRequests':
        return refuse(response, 429, 'TooManyRequests', 2)
      case 'LeftAlone':
        return refuse(response, 503, 'ServiceUnavailable', 3600)
      case 'InternalErrors':
        return refuse(response, 500, 'InternalError')
      case 'RefusedWrites':
        return method === 'GET' ? pass() : refuse(response, 500, 'InternalError')
      case 'Garbage':
        begin(response).end(randomBytes(1000))
        return
      case 'WrongJson':
        begin(response).end(`${OTHER_JSON[count % OTHER_JSON.length]}\n`)
        return
      case 'Truncated':
        if (!watches) return this.#pass(asked, body, response, half)
        begin(response).end(HALF_AN_EVENT)
        return
      case 'Slow':
        await sleep(SLOW_BY, undefined, { signal: this.#closing.signal })
        return pass()
    }
  }

  async #pass(asked: IncomingMessage, body: Buffer, response: ServerResponse, of: (text: Buffer) => Buffer) {
    const answer = await this.#ask(asked, body)
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    const { 'content-length': _, 'transfer-encoding': __, connection: ___, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 502, headers).end(of(Buffer.concat(chunks)))
  }

  async #watch(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#ask(asked, Buffer.alloc(0))
    const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 502, headers).flushHeaders()
    const watch = new OpenWatch(answer, response)
    this.#watches.add(watch)
    watch.ended.then(() => this.#watches.delete(watch))
  }

  #ask(asked: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = { ...asked.headers, connection: 'keep-alive' }
    const passed = request(new URL(asked.url ?? '/', this.#api.url), {
      agent: this.#agent,
      method: asked.method,
      headers,
    })
    passed.on('response', resolve).on('error', reject).end(body)
    return promise
  }

  #changeWatch(watch: OpenWatch): void {
    const behaviour = this.#behaviour
    const words = LAST_WORDS[behaviour]
    if (words !== undefined) watch.end(words())
    if (behaviour === 'Unanswered' || behaviour === 'SilentWatches') watch.silence()
    if (behaviour === 'Slow') watch.delay(SLOW_BY, this.#closing.signal)
  }
}

/** A client's connection, and ours behind it. */
class Passage {
  readonly front: Socket
  readonly #back: Socket | undefined

  constructor(front: Socket, back: Socket | undefined) {
    this.front = front
    this.#back = back
    back?.on('error', () => {})
    back?.on('close', () => this.#isForgotten || front.destroy())
    front.on('close', () => back?.destroy())
    if (back) front.pipe(back).pipe(front)
  }

  #isForgotten = false

  /** What the client says is acknowledged, and nothing ever comes back. */
  forget(): void {
    this.#isForgotten = true
    this.front.unpipe()
    this.#back?.unpipe()
    this.#back?.destroy()
    this.front.resume()
  }
}

/** The API server's answer, passed on as it comes. */
class OpenWatch {
  readonly ended: Promise<void>
  readonly #answer: IncomingMessage
  readonly #response: ServerResponse

  constructor(answer: IncomingMessage, response: ServerResponse) {
    this.#answer = answer
    this.#response = response
    answer.on('error', () => {})
    answer.pipe(response)
    this.ended = new Promise(resolve => {
      response.on('close', () => {
        answer.destroy()
        resolve()
      })
    })
  }

  silence(): void {
    this.#answer.unpipe()
    this.#answer.destroy()
  }

  delay(by: number, signal: AbortSignal): void {
    this.#answer.unpipe()
    const later = async (act: () => void) => {
      await sleep(by, undefined, { signal }).then(act, () => {})
    }
    this.#answer.on('data', (chunk: Buffer) => void later(() => this.#response.write(chunk)))
    this.#answer.on('end', () => void later(() => this.#response.end()))
  }

  end(last: string): void {
    this.silence()
    this.#response.end(last)
  }
}

const GONE = `${JSON.stringify({
  type: 'ERROR',
  object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
})}\n`
const HALF_AN_EVENT = '{"type":"MODIFIED","object":{"metadata":{"name":"no'

/** Of the watches that were open when it began. */
const LAST_WORDS: Readonly<Partial<Record<Behaviour, () => string>>> = {
  ShortWatches: () => '',
  Gone: () => '',
  TooManyRequests: () => '',
  LeftAlone: () => '',
  InternalErrors: () => '',
  GoneEvents: () => GONE,
  Garbage: () => `${randomBytes(1000).toString('latin1')}\n`,
  WrongJson: () => `${OTHER_JSON.join('\n')}\n`,
  Truncated: () => HALF_AN_EVENT,
}

function whole(text: Buffer): Buffer {
  return text
}

function half(text: Buffer): Buffer {
  return text.subarray(0, text.length / 2)
}

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  return response
}

function bookmark(url: string): string {
  const resourceVersion = new URL(url, 'https://test').searchParams.get('resourceVersion')
  return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } })}\n`
}

function refuse(response: ServerResponse, code: number, reason: string, retryAfter?: number): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message: `it is ${reason}` }))
}
