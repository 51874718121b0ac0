import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../lib/time.ts'
import type { StatusEntry, StatusSource } from './status-source.ts'

/** How often a watch asks. */
const POLL: Millis = 250
/** An agent whose loop is alive answers in far less. */
const PATIENCE: Millis = 2000

/** The view of the one agent that serves `socketPath`; its entries' nodes have only that node. */
export function agentSource(socketPath: string): StatusSource {
  const list = () => ask(socketPath)
  return {
    list,
    async watch(onChange, signal) {
      while (!signal.aborted) {
        onChange(await list())
        await sleep(POLL, undefined, { signal }).catch(() => {})
      }
    },
  }
}

function ask(socketPath: string): Promise<readonly StatusEntry[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly StatusEntry[]>()
  const refuse = (cause: NodeJS.ErrnoException) => reject(noAnswer(socketPath, cause))
  const asked = request({ socketPath, path: '/status', signal: AbortSignal.timeout(PATIENCE) })
  asked.on('error', refuse)
  asked.on('response', response => {
    text(response)
      .then(body => resolve(JSON.parse(body)))
      .catch(refuse)
  })
  asked.end()
  return promise
}

function noAnswer(socketPath: string, cause: NodeJS.ErrnoException): Error {
  return new Error(`Cannot ask the agent at ${socketPath}: ${cause.code ?? cause.message} (${adviceFor(cause.code)})`, {
    cause,
  })
}

function adviceFor(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return 'is an agent running on this node, with this --state-dir and --instance?'
    case 'EACCES':
      return "only the agent's own user may ask it: try sudo"
    default:
      return 'see its log'
  }
}
