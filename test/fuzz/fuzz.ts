/*
 * One part of the long run: packets for every decoder, then texts for every parser, for MINUTES in all. It is recorded when it ends, also by
 * Ctrl-C, and docs/fuzzing.md has the sums of all parts. SEED=… repeats a part.
 */
import { setImmediate } from 'node:timers/promises'
import { recordRun } from '../lab/ledger.ts'
import { DECODERS } from './decoders.ts'
import { heapInUse } from './heap.ts'
import { type Failure, fuzzDecoder, type PacketCounts } from './packets.ts'
import { PARSERS } from './parsers.ts'
import { Reached } from './reached.ts'
import { writeReport } from './report.ts'
import { TextFuzz } from './texts.ts'

const MINUTES = Number(process.env['MINUTES'] ?? 15)
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 32)
/** The same seed gives the same packets. */
const BATCH = 10_000
/** Of the time; what is left is for texts, half of it for those that go on from what reached further. */
const FOR_PACKETS = 0.8
/** In bytes, since all decoders had their first batches. */
const MOST_GROWTH = 16_000_000
const MOST_FAILURES = 10
const SAY_EVERY = 10_000

if (!(MINUTES > 0 && MINUTES <= 30)) {
  process.stderr.write('MINUTES must be at most 30: run make fuzz again for more, the parts are added up\n')
  process.exit(2)
}

const started = performance.now()
const failures: Failure[] = []
const counts: Record<string, number> = {}
let isInterrupted = false
let saidAt = started
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (isInterrupted = true))

say(`SEED=${SEED}, ${MINUTES} min`)
await fuzzPackets(FOR_PACKETS * MINUTES * 60_000)
for (const isGuided of [false, true]) {
  for (const [i, parser] of PARSERS.entries()) {
    const reached = isGuided ? new Reached(parser.source) : undefined
    const fuzz = new TextFuzz(parser, SEED + i, reached)
    await fuzzTexts(fuzz, parser.name, ((1 - FOR_PACKETS) * MINUTES * 60_000) / (2 * PARSERS.length))
    if (reached) say(`${parser.name}: ${fuzz.counts.kept} texts reached what none before did`)
    reached?.close()
  }
}
const seconds = Math.round((performance.now() - started) / 1000)
const command = `make fuzz MINUTES=${MINUTES}`
recordRun('fuzz', { command, seconds, seed: SEED, counts: { ...counts, failures: failures.length } })
writeReport()
for (const { what, seed, input, error } of failures) say(`\n${what}: ${error}\nSEED=${seed}; the input: ${input}`)
say(
  `\n${JSON.stringify(counts, undefined, 1)}\n${failures.length} failures in ${seconds} s; docs/fuzzing.md has the sums of all parts`,
)
process.exit(failures.length === 0 ? 0 : 1)

async function fuzzPackets(millis: number): Promise<void> {
  const all = DECODERS.map(decoder => ({ decoder, counts: { packets: 0, sealed: 0, values: 0 } }))
  const begun = performance.now()
  let heap: number | undefined
  for (let seed = SEED; goesOn(begun, millis); seed++) {
    for (const { decoder, counts } of all) {
      const failure = fuzzDecoder(decoder, seed, BATCH, counts)
      if (failure) failures.push(failure)
    }
    await setImmediate()
    if (seed - SEED === 20) heap = heapInUse()
    sayNow(
      () => `${sum(all, 'packets').toLocaleString('en')} packets, ${perSecond(sum(all, 'packets'), begun)} a second`,
    )
  }
  const growth = heap === undefined ? 0 : heapInUse() - heap
  if (growth > MOST_GROWTH) {
    failures.push({ what: 'memory', seed: SEED, input: '', error: `${growth} bytes more are in use than at first` })
  }
  say(
    `${sum(all, 'packets').toLocaleString('en')} packets, ${perSecond(sum(all, 'packets'), begun)} a second; ${growth} bytes more in use`,
  )
  for (const { decoder, counts: of } of all) add(`packets: ${decoder.name}`, of.packets)
  for (const key of ['sealed', 'values'] as const) add(`packets that are ${key}`, sum(all, key))
}

async function fuzzTexts(fuzz: TextFuzz, name: string, millis: number): Promise<void> {
  const begun = performance.now()
  while (goesOn(begun, millis)) {
    const failure = fuzz.run(100)
    if (failure) failures.push(failure)
    await setImmediate()
    sayNow(
      () => `${name}: ${fuzz.counts.texts.toLocaleString('en')} texts, ${perSecond(fuzz.counts.texts, begun)} a second`,
    )
  }
  add(`texts: ${name}`, fuzz.counts.texts)
}

function goesOn(begun: number, millis: number): boolean {
  return !isInterrupted && failures.length < MOST_FAILURES && performance.now() - begun < millis
}

function sum(all: readonly { readonly counts: PacketCounts }[], key: keyof PacketCounts): number {
  return all.reduce((total, { counts }) => total + counts[key], 0)
}

function add(key: string, count: number): void {
  counts[key] = (counts[key] ?? 0) + count
}

function perSecond(count: number, begun: number): string {
  return Math.round((1000 * count) / (performance.now() - begun)).toLocaleString('en')
}

function sayNow(text: () => string): void {
  if (performance.now() - saidAt < SAY_EVERY) return
  saidAt = performance.now()
  say(`${Math.round((saidAt - started) / 1000)} s: ${text()}, ${failures.length} failures`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
