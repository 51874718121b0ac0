import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LabNode } from './lan.ts'

/** Our program. */
export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A program on a node, and what it said. */
export interface Daemon {
  readonly process: ChildProcess
  readonly node: LabNode
  /** Everything it wrote so far. */
  output(): string
  /** SIGTERM, and its exit status when it has ended. */
  stop(): Promise<number | null>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<number | null>
}

/** Gone with the lab: /run is a tmpfs of its own there. */
export function scratchFolder(): string {
  return mkdtempSync('/run/kube-vrrp-')
}

export interface AgentSettings {
  /** File mode: the text of the file, which is then `agent.file`. */
  readonly file?: string
  readonly stateDir?: string
  readonly args?: readonly string[]
  /** A module that is loaded before the agent. */
  readonly preload?: URL
  /** Of a file or pipe that it writes to; its `output()` is empty then. */
  readonly output?: number
}

export interface AgentDaemon extends Daemon {
  readonly stateDir: string
  readonly file: string
}

/** Our agent on a node, in file mode unless its arguments say otherwise. */
export function startAgent(
  node: LabNode,
  { file, stateDir = scratchFolder(), args = [], preload, output }: AgentSettings,
): AgentDaemon {
  mkdirSync(stateDir, { recursive: true })
  const path = join(stateDir, `${node.name}.yaml`)
  if (file !== undefined) writeFileSync(path, file)
  const source = file === undefined ? [] : ['--file', path]
  const flags = ['--node', node.name, '--state-dir', stateDir, '--log-format', 'text', '--log-level', 'debug']
  const command = [
    '--disable-warning=ExperimentalWarning',
    ...(preload ? ['--import', preload.href] : []),
    MAIN,
    'agent',
    ...source,
    ...flags,
    ...args,
  ]
  const daemon = start(node, 'node', command, output)
  return { ...daemon, stateDir, file: path }
}

export interface KeepalivedDaemon extends Daemon {
  /** It is read again on SIGHUP. */
  readonly configurationPath: string
}

/** keepalived on a node, VRRP alone, logging to its output; everything it writes is its own. */
export function startKeepalived(node: LabNode, configuration: string): KeepalivedDaemon {
  const folder = scratchFolder()
  const path = join(folder, 'keepalived.conf')
  writeFileSync(path, configuration)
  const pids = ['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp.pid')]
  const options = ['--vrrp', '--dont-fork', '--log-console', '--log-detail', '--use-file', path]
  return { ...start(node, 'keepalived', [...options, ...pids]), configurationPath: path }
}

export function start(
  node: LabNode,
  command: string,
  args: readonly string[],
  writesTo: 'pipe' | number = 'pipe',
): Daemon {
  const child = node.spawn(command, args, { stdio: ['ignore', writesTo, writesTo] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  return {
    process: child,
    node,
    ended,
    output: () => output,
    kill: signal => {
      child.kill(signal)
    },
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}

/** The names of the nodes that have the address on eth0 now. */
export function holders(nodes: Iterable<LabNode>, address: string): string[] {
  return [...nodes]
    .filter(node => node.run('ip', '-brief', 'address', 'show', 'eth0').includes(` ${address}/`))
    .map(({ name }) => name)
}

/** Resolves when `condition` gives something; rejects with `what` and what the daemons said after a generous while. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  { within = 20_000, daemons = [] }: { within?: number; daemons?: readonly Daemon[] } = {},
): Promise<Exclude<T, false | undefined | null>> {
  const end = Date.now() + within
  for (;;) {
    const result = await condition()
    if (result !== false && result !== undefined && result !== null)
      return result as Exclude<T, false | undefined | null>
    if (Date.now() > end) {
      const said = daemons.map(daemon => `--- ${daemon.node.name}\n${daemon.output()}`).join('\n')
      throw new Error(`Not within ${within / 1000} s: ${what}\n${said}`)
    }
    await sleep(20)
  }
}
