import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { ApplyFigures } from './cluster.ts'
import type { Cost } from './cost.ts'
import type { Failover } from './failover.ts'
import type { Kind } from './virtual-routers.ts'

/** What was measured; a part that was measured again takes the place of the old one. */
export interface Results {
  readonly noise?: Measured<{ readonly seconds: number; readonly gaps: readonly number[] }>
  readonly crash?: Measured<Failovers>
  readonly stop?: Measured<Failovers>
  readonly defaults?: Measured<Failovers>
  readonly apply?: Measured<ApplyFigures>
  readonly status?: Measured<{
    readonly crashes: number
    readonly virtualIPs: number
    readonly latencies: readonly number[]
  }>
  readonly cost?: Measured<{ readonly seconds: number; readonly costs: readonly Cost[] }>
}

export type Failovers = Readonly<Record<Kind, readonly Failover[]>>

export type Part = keyof Results

/** On which machine, and when. */
export interface Measured<T> {
  readonly on: string
  /** ISO 8601 */
  readonly at: string
  readonly value: T
}

const FOLDER = fileURLToPath(new URL('../../dist', import.meta.url))
const FILE = `${FOLDER}/benchmarks.json`

/** What earlier runs left in this checkout. */
export function earlierResults(): Results {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}

export function keepResults(results: Results): void {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(FILE, `${JSON.stringify(results)}\n`)
}

export function measured<T>(value: T): Measured<T> {
  return { on: machine(), at: new Date().toISOString(), value }
}

/** In a line: processor, memory and what runs there. */
export function machine(): string {
  const [model = 'unknown processor'] = cpus().map(({ model }) => model.trim())
  const keepalived = execFileSync('sh', ['-c', 'keepalived --version 2>&1'], { encoding: 'utf8' }).split(/\s/)[1]
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`
  return `${cpus().length} cores (${model}), ${memory}, Linux ${release()}, Node ${process.version}, keepalived ${keepalived}`
}
