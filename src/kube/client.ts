import type { Agent, IncomingMessage } from 'node:http'
import * as https from 'node:https'
import { DEFAULT_NAMESPACE } from '../api/names.ts'
import type { Millis } from '../lib/time.ts'
import { KubeError, refusal, unreachable } from './kube-error.ts'
import { isObject, isRecord } from './kube-object.ts'
import { type ApiAccess, findApiAccess } from './kubeconfig.ts'
import { collectionPath, type ObjectRef, objectPath, type Resource } from './resources.ts'

// A static import of node:http costs 10 MB: it evaluates the getters that load fetch and WebSocket.
const http = process.getBuiltinModule('node:http')

export interface ObjectList<T> {
  readonly items: readonly T[]
  /** Where a watch goes on from. */
  readonly resourceVersion: string
}

/** What to select, as the API's query parameters; `limit`: objects per page. */
export interface ListQuery {
  readonly fieldSelector?: string | undefined
  readonly labelSelector?: string | undefined
  readonly limit?: number
}

/** Every call throws a KubeError: refused, unreachable, or not answered within `timeout`. */
export interface KubeClient {
  /** For messages, e.g. `https://10.0.0.1:6443`. */
  readonly server: string
  /** Where kube-vrrp's Leases and Secrets live. */
  readonly namespace: string
  get<T>(ref: ObjectRef): Promise<T>
  /** All pages; a list that grew too old between pages (410) is begun anew once. */
  list<T>(resource: Resource, namespace?: string, query?: ListQuery): Promise<ObjectList<T>>
  create<T>(resource: Resource, object: object, namespace?: string): Promise<T>
  /** Server-side apply, forced. With metadata.resourceVersion in `object`: Conflict unless it is the current one. */
  apply<T>(ref: ObjectRef, object: object, fieldManager: string): Promise<T>
  /** JSON merge patch (RFC 7386). With metadata.resourceVersion in `patch`: as in `apply`. */
  mergePatch<T>(ref: ObjectRef, patch: object, fieldManager?: string): Promise<T>
  delete(ref: ObjectRef, preconditions?: { readonly uid?: string; readonly resourceVersion?: string }): Promise<void>
  /** Opens a watch: the answer's body has one JSON event a line. The caller ends it (destroy, or `signal`). */
  openWatch(
    resource: Resource,
    namespace: string | undefined,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage>
  /** Ends what is open. */
  close(): void
}

export interface ClientSettings {
  /** A file; else $KUBECONFIG, the pod's service account, ~/.kube/config. */
  readonly kubeconfig?: string | undefined
  /** Default: the pod's namespace, else kube-vrrp. */
  readonly namespace?: string | undefined
  /** From the call to the first byte of the answer, and to its last one (default: 5 s; to the last one of a page of a list: three times that). */
  readonly timeout?: Millis
}

/** Reads the kubeconfig and connects to nothing yet. Throws a KubeError (Misconfigured). */
export function openClient(settings: ClientSettings = {}): KubeClient {
  return clientOf(findApiAccess(settings.kubeconfig), settings)
}

/** As openClient, for an API server that is known. */
export function clientOf(access: ApiAccess, settings: Omit<ClientSettings, 'kubeconfig'> = {}): KubeClient {
  const timeout = settings.timeout ?? 5000
  const connection = openConnection(access)
  const call = async <T>(verb: string, method: string, path: string, call: Partial<Call> = {}): Promise<T> => {
    const action = `Cannot ${verb}`
    const body = await connection.send({ action, method, path, timeout, ...call })
    return parseObject(action, body) as T
  }
  const patch = <T>(verb: string, ref: ObjectRef, object: object, contentType: string, query: Query): Promise<T> =>
    call(`${verb} ${nameOf(ref)}`, 'PATCH', objectPath(ref), { query, contentType, body: object })

  return {
    server: access.server.origin,
    namespace: settings.namespace ?? access.namespace ?? DEFAULT_NAMESPACE,

    get: ref => call(`get ${nameOf(ref)}`, 'GET', objectPath(ref)),

    async list<T>(resource: Resource, namespace?: string, query: ListQuery = {}) {
      const path = collectionPath(resource, namespace)
      const action = `Cannot list ${resource.plural}`
      const page = async (token: string | undefined) => {
        const asked = { query: { limit: 500, ...query, continue: token }, timeout, wholeWithin: 3 * timeout }
        return parsePage<T>(action, await connection.send({ action, method: 'GET', path, ...asked }))
      }
      return allPages(page)
    },

    create: (resource, object, namespace) =>
      call(`create ${resource.kind}`, 'POST', collectionPath(resource, namespace), { body: object }),

    apply: (ref, object, fieldManager) =>
      patch('apply', ref, object, 'application/apply-patch+yaml', { fieldManager, force: true }),

    mergePatch: (ref, object, fieldManager) =>
      patch('patch', ref, object, 'application/merge-patch+json', { fieldManager }),

    async delete(ref, preconditions) {
      const action = `Cannot delete ${nameOf(ref)}`
      await connection.send({ action, method: 'DELETE', path: objectPath(ref), timeout, body: { preconditions } })
    },

    openWatch: (resource, namespace, query, signal) =>
      connection.open({
        action: `Cannot watch ${resource.plural}`,
        method: 'GET',
        path: collectionPath(resource, namespace),
        query: { ...query, watch: true },
        timeout,
        signal,
      }),

    close: connection.close,
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

interface Call {
  /** `Cannot list virtualips` */
  readonly action: string
  readonly method: string
  readonly path: string
  /** Until the answer begins. */
  readonly timeout: Millis
  /** Until it ends (default: the same). */
  readonly wholeWithin?: Millis
  readonly query?: Query
  readonly body?: object
  readonly contentType?: string
  readonly signal?: AbortSignal
}

/** A peer that vanished without a word is noticed after 5 s + 10 probes, 1 s apart (the interval is libuv's). */
const KEEP_ALIVE: Millis = 5000

function openConnection(access: ApiAccess) {
  const module = access.server.protocol === 'http:' ? http : https
  const pool = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE, scheduling: 'lifo' as const }
  const requests: Agent = new module.Agent({ ...pool, maxSockets: 32 })
  const watches: Agent = new module.Agent(pool)

  async function start(call: Call, agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
    const { headers, ...options } = await optionsOf(access, call.action)
    const body = call.body && JSON.stringify(call.body)
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = module.request(urlOf(access.server, call), {
      agent,
      ...options,
      method: call.method,
      signal,
      headers: {
        ...headers,
        Accept: 'application/json',
        'User-Agent': 'kube-vrrp',
        ...(body !== undefined && {
          'Content-Type': call.contentType ?? 'application/json',
          'Content-Length': Buffer.byteLength(body),
        }),
      },
    })
    const silent = setTimeout(() => request.destroy(new Silence()), call.timeout)
    request.on('response', resolve)
    request.on('error', error => reject(new BrokenConnection(error, request.reusedSocket)))
    promise.catch(() => {}).finally(() => clearTimeout(silent))
    request.end(body)
    return promise
  }

  /** One exchange; a kept-alive connection that the server had just closed is tried again on a new one. */
  async function exchange(call: Call, signal: AbortSignal): Promise<string> {
    try {
      return await readBody(call.action, await start(call, requests, signal))
    } catch (error) {
      const broken = error instanceof BrokenConnection && error.reused && !(error.cause instanceof Silence)
      const retry = broken && !signal.aborted && call.method !== 'POST'
      if (!retry) throw error
      dropIdle(requests)
      return readBody(call.action, await start(call, requests, signal))
    }
  }

  return {
    /** The answer's body. */
    async send(call: Call): Promise<string> {
      const deadline = AbortSignal.timeout(call.wholeWithin ?? call.timeout)
      try {
        return await exchange(call, deadline)
      } catch (error) {
        const failed = failure(call, access, error, deadline.aborted)
        // The path may be dead: what is idle on it must not cost the next call as much again.
        if (failed.reason === 'TimedOut') dropIdle(requests)
        throw failed
      }
    },

    /** The answer's body as it comes; `timeout` holds until it begins. */
    async open(call: Call & { readonly signal: AbortSignal }): Promise<IncomingMessage> {
      const deadline = new AbortController()
      const timer = setTimeout(() => deadline.abort(), call.timeout)
      try {
        const response = await start(call, watches, AbortSignal.any([deadline.signal, call.signal]))
        if (response.statusCode !== 200) await readBody(call.action, response)
        return response
      } catch (error) {
        throw failure(call, access, error, deadline.signal.aborted)
      } finally {
        clearTimeout(timer)
      }
    },

    close() {
      requests.destroy()
      watches.destroy()
    },
  }
}

/** Not a byte of the answer came. */
class Silence extends Error {}

class BrokenConnection extends Error {
  readonly reused: boolean
  constructor(cause: Error, reused: boolean) {
    super(cause.message, { cause })
    this.reused = reused
  }
}

function failure(call: Call, access: ApiAccess, error: unknown, isLate: boolean): KubeError {
  if (error instanceof KubeError) return error
  const cause = error instanceof BrokenConnection ? error.cause : error
  if (isLate || cause instanceof Silence) {
    const within = cause instanceof Silence ? call.timeout : (call.wholeWithin ?? call.timeout)
    return new KubeError(
      `${call.action}: no answer within ${within} ms (is the API server at ${access.server.origin} within reach?)`,
      { reason: 'TimedOut' },
    )
  }
  return unreachable(call.action, access.server.origin, cause)
}

async function optionsOf(access: ApiAccess, action: string): Promise<https.RequestOptions> {
  try {
    return await access.requestOptions()
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : cause
    throw new KubeError(`${action}: ${detail} (check the credentials in ${access.source})`, {
      reason: 'Misconfigured',
      cause,
    })
  }
}

async function readBody(action: string, response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const body = Buffer.concat(chunks).toString()
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return body
  throw refusal(action, status, body, retryAfterOf(response))
}

function retryAfterOf(response: IncomingMessage): Millis | undefined {
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN)
  return Number.isFinite(seconds) ? 1000 * seconds : undefined
}

function urlOf(server: URL, call: Call): URL {
  const url = new URL(call.path.slice(1), server)
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url
}

function dropIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

function decode(action: string, body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new KubeError(`${action}: the answer is not JSON (is this an API server?)`, { reason: 'Garbled', cause })
  }
}

/** `null`, a page of HTML, a status of something else: what is not an object of the API must not get further than here. */
function parseObject(action: string, body: string): object {
  const object = decode(action, body)
  if (!isObject(object)) throw notOfTheApi(action)
  return object
}

function parsePage<T>(action: string, body: string): Page<T> {
  const page = decode(action, body)
  if (!isPage<T>(page)) throw notOfTheApi(action)
  return page
}

function isPage<T>(value: unknown): value is Page<T> {
  if (!isRecord(value) || !isRecord(value['metadata']) || !Array.isArray(value['items'])) return false
  return typeof value['metadata']['resourceVersion'] === 'string' && value['items'].every(isObject)
}

function notOfTheApi(action: string): KubeError {
  return new KubeError(`${action}: the answer is no object of the API (is this an API server?)`, { reason: 'Garbled' })
}

interface Page<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly T[]
}

async function allPages<T>(page: (token: string | undefined) => Promise<Page<T>>): Promise<ObjectList<T>> {
  const items: T[] = []
  let current = await page(undefined)
  let restarted = false
  for (;;) {
    items.push(...current.items)
    const token = current.metadata.continue
    if (!token) return { items, resourceVersion: current.metadata.resourceVersion }
    try {
      current = await page(token)
    } catch (error) {
      if (restarted || !(error instanceof KubeError) || error.status !== 410) throw error
      restarted = true
      items.length = 0
      current = await page(undefined)
    }
  }
}

function nameOf(ref: ObjectRef): string {
  return `${ref.resource.kind} ${ref.name}${ref.subresource ? `'s ${ref.subresource}` : ''}`
}
