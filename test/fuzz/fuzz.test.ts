/* A short run with a seed that is always the same; `make fuzz` is the long one. SEED=… repeats what it, or this, found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileError } from '../../src/api/virtual-ip-file.ts'
import { importKeepalived } from '../../src/keepalived/import.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { DECODERS } from './decoders.ts'
import { GROWING_CONFIGURATIONS, GROWING_FILES, type Growing } from './growth.ts'
import { heapInUse } from './heap.ts'
import { type Failure, fuzzDecoder, type PacketCounts } from './packets.ts'
import { PARSERS, parserOf } from './parsers.ts'
import { Reached } from './reached.ts'
import { TextFuzz } from './texts.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const [PACKETS, TEXTS] = [40_000, 200]

for (const decoder of DECODERS) {
  test(`${decoder.name}: whatever arrives is a value that comes back as it was, or a refusal with a sentence`, () => {
    const counts = none()
    sound(fuzzDecoder(decoder, SEED, PACKETS, counts))
    assert.equal(counts.packets, PACKETS)
    assert.equal(counts.sealed, PACKETS / 2)
    assert.ok(counts.values > PACKETS / 10, `only ${counts.values} got as far as a value`)
    assert.ok(counts.values < (9 * PACKETS) / 10, `${counts.values} were a value`)
  })

  test(`${decoder.name}: what was captured is a value`, () => {
    for (const packet of decoder.golden) assert.ok(decoder.take(packet), Buffer.from(packet).toString('hex'))
  })
}

test('packets leave nothing behind in memory', () => {
  const all = () => DECODERS.map((decoder, i) => fuzzDecoder(decoder, SEED + i, 5000, none()))
  all()
  const before = heapInUse()
  for (let i = 0; i < 4; i++) all()
  const growth = heapInUse() - before
  assert.ok(growth < 2_000_000, `${growth} bytes more after 120,000 packets`)
})

for (const parser of PARSERS) {
  test(`${parser.name}: whatever a text says, it is a value that comes back as it was, or sentences with lines`, () => {
    for (const text of parser.corpus) assert.ok(parser.take(text), text)
    const fuzz = new TextFuzz(parser, SEED)
    sound(fuzz.run(TEXTS))
    assert.ok(fuzz.counts.values > 0)
  })
}

const GROWTH: readonly [string, Growing][] = [
  ['VirtualIP files', GROWING_FILES],
  ['keepalived.conf', GROWING_CONFIGURATIONS],
]

for (const [name, growing] of GROWTH) {
  test(`${name}: a text four times as long takes about four times the work, whatever it grows by`, () => {
    const { read } = parserOf(name)
    const counted = new Reached(/./)
    const work = (text: string): number => {
      counted.forget()
      read(text)
      return counted.blocksRun()
    }
    try {
      for (const [what, make] of Object.entries(growing)) {
        const [little, much] = [work(make(100)), work(make(400))]
        assert.ok(much < 6.5 * little, `${what}: ${much} blocks after ${little}`)
      }
    } finally {
      counted.close()
    }
  })
}

/** Each takes some tenths of a second of CPU, and took half a minute. */
for (const [name, what, size] of [
  ['VirtualIP files', 'unknown fields', 16_000],
  ['keepalived.conf', 'open variables', 100_000],
] as const) {
  test(`${name}: ${size} ${what} are read in no time, also by what no block counts`, () => {
    const { read } = parserOf(name)
    const growing = new Map(GROWTH).get(name)
    const text = growing?.[what]?.(size) ?? ''
    const before = process.cpuUsage()
    read(text)
    const { user } = process.cpuUsage(before)
    assert.ok(text.length > size && user < 10e6, `${user / 1e6} s`)
  })
}

test('a file that is nested too deeply is refused with a sentence, whatever it is nested by', () => {
  const { read } = parserOf('VirtualIP files')
  for (const what of ['open lists', 'nested lists', 'nested maps', 'dashes', 'question marks']) {
    const [first] = read(GROWING_FILES[what]?.(4000) ?? '') as [FileError]
    assert.match(
      first.message,
      what === 'question marks' ? /nested|key must be a string/ : /nested thousands of levels deep/,
    )
  }
})

test('blocks within blocks of a keepalived.conf are read as deep as keepalived goes', () => {
  const { notes } = importKeepalived([{ node: 'n', file: 'f', text: 'a {\n'.repeat(20_000) }])
  assert.ok(notes.some(({ sentence }) => sentence === 'is a block in 50 others: left out'))
})

test('what fails says the seed and the input that repeat it', () => {
  const [decoder] = DECODERS
  assert.ok(decoder)
  const counts = none()
  const broken = {
    ...decoder,
    take: (packet: Uint8Array) => {
      if (packet[0] === 0x45 && packet.length === 44) throw new TypeError('no such thing')
      return !(packet instanceof DecodeError)
    },
  }
  const failure = fuzzDecoder(broken, 7, 10_000, counts)
  assert.ok(failure)
  assert.equal(failure.seed, 7)
  assert.match(failure.input, /^45[0-9a-f]{86}$/)
  assert.match(failure.error, /^TypeError: no such thing/)
  assert.deepEqual(fuzzDecoder(broken, 7, 10_000, none())?.input, failure.input)
})

test('a text that fails is told as short as it can be', () => {
  const [parser] = PARSERS
  assert.ok(parser)
  const broken = {
    ...parser,
    take: (text: string) => {
      if (text.includes('25')) throw new TypeError('no such thing')
      return true
    },
  }
  assert.equal(new TextFuzz(broken, 1).run(5000)?.input, '"25"')
})

test('texts that reach what none before did are mutated in turn', () => {
  const [parser] = PARSERS
  assert.ok(parser)
  const reached = new Reached(parser.source)
  try {
    const fuzz = new TextFuzz(parser, SEED, reached)
    sound(fuzz.run(100))
    assert.ok(fuzz.counts.kept > 0 && fuzz.counts.kept < 50, `${fuzz.counts.kept}`)
    assert.ok(reached.size > 10_000)
  } finally {
    reached.close()
  }
})

function sound(failure: Failure | undefined): void {
  if (!failure) return
  const { what, seed, input, error } = failure
  assert.fail(`${what}: ${error}\nSEED=${seed} make test ONLY=fuzz repeats it; the input: ${input}`)
}

function none(): PacketCounts {
  return { packets: 0, sealed: 0, values: 0 }
}
