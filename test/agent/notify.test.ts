import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Notify, type Transitioned } from '../../src/agent/notify.ts'

const web: Transitioned = { virtualIP: 'web', family: 'IPv4', state: 'MASTER', reason: 'ActiveDown', priority: 200 }
const backup: Transitioned = { ...web, state: 'BACKUP', reason: 'HigherPriorityHeard' }
const stop: Transitioned = { ...web, state: 'INITIALIZE', reason: 'Shutdown' }

interface Bench {
  readonly folder: string
  readonly warnings: string[]
  readonly complain: (sentence: string) => void
  /** A program of these lines of sh. */
  program(...lines: string[]): string
  lines(): string[]
}

function bench(t: Pick<TestContext, 'after'>): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-notify-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const warnings: string[] = []
  return {
    folder,
    warnings,
    complain: sentence => warnings.push(sentence),
    program(...lines) {
      const path = join(folder, 'notify.sh')
      writeFileSync(path, ['#!/bin/sh', `out=${folder}/out`, ...lines, ''].join('\n'))
      chmodSync(path, 0o755)
      return path
    },
    lines: () => readFileSync(join(folder, 'out'), 'utf8').trim().split('\n'),
  }
}

test('a program gets the arguments that a notify script of keepalived gets, and the family beside them', async t => {
  const { program, lines, complain, warnings } = bench(t)
  const notify = new Notify({ program: program('echo "$# $* $KUBE_VRRP_FAMILY" >>"$out"'), complain })
  notify.tell(web)
  notify.tell({ ...web, family: 'IPv6', state: 'FAULT', reason: 'NoCarrier' })
  await notify.close()
  assert.deepEqual(lines().sort(), ['4 INSTANCE web FAULT 200 IPv6', '4 INSTANCE web MASTER 200 IPv4'])
  assert.deepEqual(warnings, [])
})

test('a group is told as keepalived tells of its sync groups: with the priority 0, and no family', async t => {
  const { folder, program, lines, complain, warnings } = bench(t)
  const fifo = join(folder, 'fifo')
  const notify = new Notify({ program: program('echo "$* <$KUBE_VRRP_FAMILY>" >>"$out"'), fifo, complain })
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  notify.tell({ group: 'edge', state: 'MASTER', reason: 'ActiveDown' })
  const read = Buffer.alloc(100)
  const length = readSync(reader, read)
  closeSync(reader)
  await notify.close()
  assert.deepEqual(lines(), ['GROUP edge MASTER 0 <>'])
  assert.equal(read.toString('utf8', 0, length), 'GROUP "edge" MASTER 0\n')
  assert.deepEqual(warnings, [])
})

test('of one router a program runs at a time, and what the router is no longer is not told to it', async t => {
  const { program, lines, complain } = bench(t)
  const slow = program(
    'mkdir "$out.lock" || echo twice >>"$out"',
    'sleep 0.2',
    'echo "$3" >>"$out"',
    'rmdir "$out.lock"',
  )
  const notify = new Notify({ program: slow, complain })
  for (const told of [web, backup, web, stop]) notify.tell(told)
  await notify.close()
  assert.deepEqual(lines(), ['MASTER', 'STOP'])
})

test('a program that fails is a sentence in the log, and the next transition is told all the same', async t => {
  const { program, lines, complain, warnings } = bench(t)
  const notify = new Notify({ program: program('echo "$3" >>"$out"', 'echo no route >&2', 'exit 3'), complain })
  notify.tell(web)
  await new Promise(resolve => setTimeout(resolve, 300))
  notify.tell(stop)
  await notify.close()
  assert.deepEqual(lines(), ['MASTER', 'STOP'])
  assert.match(warnings[0] ?? '', /notify\.sh INSTANCE web MASTER 200: exit status 3: no route$/)
})

test('a program that is not there is a sentence in the log', async t => {
  const { complain, warnings } = bench(t)
  const notify = new Notify({ program: '/nonexistent/notify', complain })
  notify.tell(web)
  await notify.close()
  assert.deepEqual(warnings, ['/nonexistent/notify INSTANCE web MASTER 200: Cannot run /nonexistent/notify: ENOENT'])
})

test('the FIFO is made, gets every transition in order, and keeps them until somebody reads', async t => {
  const { folder, complain } = bench(t)
  const fifo = join(folder, 'fifo')
  const notify = new Notify({ fifo, complain })
  const waiting = { ...web, state: 'INITIALIZE', reason: 'WaitingForCheck' } as const
  for (const told of [web, backup, waiting, stop]) notify.tell(told)
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const buffer = Buffer.alloc(1000)
  const text = buffer.toString('utf8', 0, readSync(reader, buffer))
  closeSync(reader)
  await notify.close()
  assert.equal(text, 'INSTANCE "web" MASTER 200\nINSTANCE "web" BACKUP 200\nINSTANCE "web" STOP 200\n')
})

test('a FIFO that nobody reads fills up: that is said, and nothing waits', async t => {
  const { folder, complain, warnings } = bench(t)
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const notify = new Notify({ fifo, complain })
  for (let i = 0; i < 5000; i++) notify.tell(web)
  await notify.close()
  assert.match(warnings[0] ?? '', /^Cannot tell .*fifo that web is MASTER: it is full, for nobody reads it$/)
  assert.equal(warnings.length, 1)
})

test('a FIFO that is a file, or in no folder, is refused with a sentence', t => {
  const { folder, complain } = bench(t)
  writeFileSync(join(folder, 'file'), 'mine')
  assert.throws(
    () => new Notify({ fifo: join(folder, 'file'), complain }),
    /file is there and is no FIFO \(--notify-fifo\)/,
  )
  assert.throws(() => new Notify({ fifo: join(folder, 'none', 'fifo'), complain }), /Cannot make the FIFO .*: ENOENT$/)
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'mine')
})
