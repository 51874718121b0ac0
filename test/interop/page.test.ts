import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type RecordedRun, recordedRuns } from '../lab/ledger.ts'
import { packetInWords } from './packet-in-words.ts'
import { interopPage, PAGE } from './page.ts'

const CELL = 'FRR, version 2, ours first, graceful leave'
const run: RecordedRun = { at: '', commit: 'abc', command: 'make interop', seconds: 61, counts: {} }

test('docs/interop.md is what the recorded parts come to', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), interopPage(recordedRuns('interop')))
})

test('every cell of docs/interop.md was run, or says why not, and none has failed', () => {
  const text = readFileSync(PAGE, 'utf8')
  assert.doesNotMatch(text, /not run|not seen yet/)
  assert.doesNotMatch(text, /\*\*failed/)
})

test('a cell adds up: how often it held, and how long it took; a failure stays', () => {
  const held = (ms: number) => ({ ...run, counts: { [`${CELL}: held`]: 1 }, samples: { [CELL]: [ms] } })
  assert.match(interopPage([held(600), held(720)]), / held 2×, 0\.60–0\.72 s \|/)
  const failed = { ...run, counts: { [`${CELL}: failed`]: 1 } }
  assert.match(interopPage([held(600), failed]), / held 1×, 0\.60 s; \*\*failed 1×\*\* \|/)
})

test('a refusal is shown with the packet in words, and with what the peer says of it', () => {
  const cell = 'keepalived, version 2, ours first, address-list change'
  const notes = { [`${cell}: says`]: '(VI_1) received', [`${cell}: packet`]: IPV4 }
  const text = interopPage([{ ...run, notes, counts: { [`${cell}: peer`]: 1 } }])
  assert.match(text, / n\/a: refused, 3 \(1×\) \|/)
  assert.match(text, /says `\(VI_1\) received` of\n\n {6}01005e00 0012/)
  assert.match(text, /2 addresses \(10\.1\.0\.100 and 10\.1\.0\.101\)/)
})

test('packets in words', () => {
  assert.equal(
    packetInWords(IPV4),
    'IPv4, TTL 255, 10.1.0.1 to 224.0.0.18; version 3, VRID 51, priority 200, interval 200 ms, 2 addresses (10.1.0.100 and 10.1.0.101); checksum 0x0756, which covers an IPv4 pseudo-header and the message.',
  )
  assert.equal(
    packetInWords(IPV6),
    'IPv6, Hop Limit 255, fe80::ff:fe00:1 to ff02::12; version 3, VRID 51, priority 200, interval 200 ms, one address (fd01::100); checksum 0x0b96, which is right.',
  )
  assert.match(packetInWords(IPV4.replace('0756', '0757')), /: Checksum is 0x0757, must be 0x0756 or 0x/)
})

const IPV4 = '01005e000012020000000001080045c00024fee34000ff7091b10a010001e00000123133c802001407560a0100640a010065'
const IPV6 =
  '33330000001202000000000186dd6c00514f001870fffe80000000000000000000fffe000001ff0200000000000000000000000000123133c80100140b96fd010000000000000000000000000100'
