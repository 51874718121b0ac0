import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface CommandOptions {
  /** For its standard input. */
  readonly input?: string
  readonly cwd?: string
  /** Added to this process's own. */
  readonly env?: Readonly<Record<string, string>>
  /** Seconds until it is killed (default: 120). */
  readonly within?: number
}

/** A program did not end with status 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  // Private: else whatever prints the error prints all of the output.
  readonly #ended: Ended

  constructor(sentence: string, ended: Ended) {
    super(`${sentence}\n${lastLines(ended.stderr.trim() || ended.stdout, 40)}`)
    this.#ended = ended
  }

  get status(): number | null {
    return this.#ended.status
  }

  get stdout(): string {
    return this.#ended.stdout
  }

  get stderr(): string {
    return this.#ended.stderr
  }
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end and resolves with what it wrote to its standard output; rejects with a CommandError. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { input = '', cwd, env, within = 120 }: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  let overdue = false
  const timer = setTimeout(() => {
    overdue = true
    child.kill('SIGKILL')
  }, within * 1000)
  try {
    const ended = await end(child, input)
    if (ended.status === 0) return ended.stdout
    const why = overdue ? `not ended after ${within} s` : `status ${ended.status ?? child.signalCode}`
    throw new CommandError(`${[command, ...args].join(' ')}: ${why}`, ended)
  } finally {
    clearTimeout(timer)
  }
}

async function end(child: ChildProcess, input: string): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  // It may end without reading its input.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout, stderr }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
