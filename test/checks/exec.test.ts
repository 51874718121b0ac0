import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { execute } from '../../src/checks/exec.ts'

const LONG = 30_000

function run(command: readonly string[], limit = LONG, signal = new AbortController().signal) {
  return execute(command, limit, signal)
}

async function outcomeOf(...command: string[]) {
  return run(command).outcome
}

function sh(script: string): string[] {
  return ['/bin/sh', '-c', script]
}

function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'file')
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function pidIn(path: string): Promise<number> {
  for (let i = 0; i < 500; i++) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    if (text.endsWith('\n')) return Number(text)
    await sleep(10)
  }
  throw new Error('The command did not write its PID within 5 s')
}

test('exit status 0 passes', async () => {
  assert.deepEqual(await outcomeOf(...sh('echo all is well')), { passed: true })
})

test('another exit status fails, with the last line that was written', async () => {
  assert.deepEqual(await outcomeOf(...sh('echo first; echo "no route to 10.0.0.1" >&2; echo; exit 3')), {
    passed: false,
    message: 'exit status 3: no route to 10.0.0.1',
  })
  assert.deepEqual(await outcomeOf(...sh('exit 1')), { passed: false, message: 'exit status 1' })
})

test('a command that a signal ends fails', async () => {
  assert.deepEqual(await outcomeOf(...sh('kill -SEGV $$')), { passed: false, message: 'was ended by SIGSEGV' })
})

test('there is no shell: what looks like shell is an argument', async () => {
  assert.deepEqual(await outcomeOf('/bin/echo', '$(exit 1)', ';', 'false'), { passed: true })
})

test('a program that does not exist or cannot be run is a failure that says so', async () => {
  assert.deepEqual(await outcomeOf('/nonexistent/program'), {
    passed: false,
    message: 'Cannot run /nonexistent/program: ENOENT',
    unknown: true,
  })
  assert.deepEqual(await outcomeOf('/etc/passwd'), {
    passed: false,
    message: 'Cannot run /etc/passwd: EACCES',
    unknown: true,
  })
  const zero = await outcomeOf('/bin/true', 'a\0b')
  assert.match(zero.passed ? '' : zero.message, /^Cannot run \/bin\/true: .*null bytes/)
})

suite('a time limit that is reached', { concurrency: true }, () => {
  test('past its time limit it has failed at once, and it and its children are ended', async t => {
    const path = file(t)
    const begun = performance.now()
    const { outcome, ended } = run(sh(`sleep 60 & echo $! > ${path}; echo waiting; wait`), 300)
    const child = await pidIn(path)
    assert.deepEqual(await outcome, { passed: false, message: 'took longer than 300ms: waiting', unknown: true })
    while (isAlive(child)) await sleep(10)
    assert.ok(performance.now() - begun < 1900, 'SIGTERM was enough')
    await ended
  })

  test('who does not heed SIGTERM gets SIGKILL 2 s later, and only then has the run ended', async t => {
    const path = file(t)
    const begun = performance.now()
    const { outcome, ended } = run(sh(`trap '' TERM; (sleep 60) & echo $! > ${path}; wait; sleep 60`), 200)
    const child = await pidIn(path)
    await outcome
    assert.ok(performance.now() - begun < 1500)
    assert.equal(isAlive(child), true)
    await ended
    const took = performance.now() - begun
    assert.ok(took >= 2150 && took < 4000, `it took ${took} ms`)
    await sleep(20)
    assert.equal(isAlive(child), false)
  })

  test('a run whose command ends on SIGTERM but leaves a deaf child has not ended before that child', async t => {
    const path = file(t)
    const script = `(trap '' TERM; echo ready; sleep 60; sleep 60) & echo $! > ${path}; trap 'exit 1' TERM; wait`
    const { ended } = run(sh(script), 300)
    const child = await pidIn(path)
    const begun = performance.now()
    await ended
    assert.ok(performance.now() - begun > 1500)
    await sleep(20)
    assert.equal(isAlive(child), false)
  })
})

test('a command that ended in time has not failed because this process was late to notice', async () => {
  const { outcome } = run(['/bin/sleep', '0.05'], 200)
  await sleep(20)
  const end = performance.now() + 500
  while (performance.now() < end);
  assert.deepEqual(await outcome, { passed: true })
})

test('an abort ends the command', async t => {
  const path = file(t)
  const abort = new AbortController()
  const { outcome, ended } = run(sh(`echo $$ > ${path}; exec sleep 60`), LONG, abort.signal)
  const pid = await pidIn(path)
  abort.abort()
  assert.deepEqual(await outcome, { passed: false, message: 'was ended with its check', unknown: true })
  await ended
  assert.equal(isAlive(pid), false)
})

test('a child left behind that holds the output open does not hold up the result', async t => {
  const path = file(t)
  const begun = performance.now()
  const { outcome, ended } = run(sh(`sleep 60 & echo $! > ${path}; exit 0`))
  assert.deepEqual(await outcome, { passed: true })
  await ended
  assert.ok(performance.now() - begun < 2000)
  const child = await pidIn(path)
  assert.equal(isAlive(child), true, 'it passed, so nothing of it is ended')
  process.kill(child, 'SIGKILL')
})

test('endless output is left in the pipe, not read as fast as it comes', async () => {
  const before = charactersRead()
  const { outcome, ended } = run(sh("yes 'all is well'"), 1000)
  const found = await outcome
  await ended
  assert.deepEqual(found, { passed: false, message: 'took longer than 1s: all is well', unknown: true })
  const megabytes = (charactersRead() - before) / 1e6
  assert.ok(megabytes < 20, `${megabytes} MB read in a second`)
})

/** What this thread read so far, in bytes. */
function charactersRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/thread-self/io', 'utf8'))?.[1])
}

test('the last line is the last one also where much comes before it', async () => {
  assert.deepEqual(await outcomeOf(...sh('seq 1 40000; printf "the end"; exit 1')), {
    passed: false,
    message: 'exit status 1: the end',
  })
})

test('a long line is cut', async () => {
  assert.deepEqual(await outcomeOf(...sh("printf '%0100000d\\n' 7; exit 1")), {
    passed: false,
    message: `exit status 1: ${'0'.repeat(200)}…`,
  })
})

test('control characters do not get into the message', async () => {
  assert.deepEqual(await outcomeOf(...sh("printf '\\033[31mred\\007\\tbell\\n'; exit 1")), {
    passed: false,
    message: 'exit status 1: [31mred bell',
  })
})
