import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessTable } from '../../src/checks/process-table.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** A script of this name, which runs until its standard input ends. */
async function runScript(t: TestContext, name: string, body = 'read line'): Promise<ChildProcess> {
  const path = join(folder(t), name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return runUntilEnd(t, spawn(path, { stdio: ['pipe', 'ignore', 'ignore'] }))
}

async function runUntilEnd(t: TestContext, child: ChildProcess): Promise<ChildProcess> {
  await once(child, 'spawn')
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end()
  await once(child, 'exit')
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'It did not happen within 5 s')
    await sleep(5)
  }
}

test('a process is found by its name while it runs, and not after it has ended', async t => {
  const table = new ProcessTable()
  assert.equal(await table.isRunning('kv-test-one'), false)
  const child = await runScript(t, 'kv-test-one')
  assert.equal(await table.isRunning('kv-test-one'), true)
  assert.equal(await table.isRunning('kv-test-one'), true)
  await end(child)
  assert.equal(await table.isRunning('kv-test-one'), false)
})

test('another process of the same name takes the place of one that ended', async t => {
  const table = new ProcessTable()
  const first = await runScript(t, 'kv-test-two')
  assert.equal(await table.isRunning('kv-test-two'), true)
  await runScript(t, 'kv-test-two')
  await end(first)
  assert.equal(await table.isRunning('kv-test-two'), true)
})

test('a part of a name, or a name with more to it, is another name', async t => {
  await runScript(t, 'kv-test-name')
  const table = new ProcessTable()
  const answers = ['kv-test-name', 'kv-test-nam', 'v-test-name', 'kv-test-name2', 'kv-.*'].map(name =>
    table.isRunning(name),
  )
  assert.deepEqual(await Promise.all(answers), [true, false, false, false, false])
})

test('a name that the kernel cuts to 15 bytes is found by argv[0], and by what the cut leaves', async t => {
  const child = spawn('/bin/sh', ['-c', 'read line'], {
    argv0: '/opt/bin/kv-test-a-name-of-some-length',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await runUntilEnd(t, child)
  const table = new ProcessTable()
  assert.equal(await table.isRunning('kv-test-a-name-of-some-length'), true)
  assert.equal(await table.isRunning('kv-test-a-name'), false)
  await end(child)
  assert.equal(await table.isRunning('kv-test-a-name-of-some-length'), false)
})

test('a zombie does not run', async t => {
  const script = join(folder(t), 'kv-test-zombie')
  // cat never waits for the child it inherits; the shell before it would.
  writeFileSync(script, '#!/bin/sh\nuntil grep -q cat /proc/$PPID/comm; do sleep 0.02; done\n', { mode: 0o755 })
  const parent = spawn('/bin/sh', ['-c', `${script} & echo $!; exec cat`], { stdio: ['pipe', 'pipe', 'ignore'] })
  await runUntilEnd(t, parent)
  const [pid] = await once(parent.stdout, 'data')
  await eventually(() => readFileSync(`/proc/${Number(pid)}/stat`, 'utf8').includes('(kv-test-zombie) Z'))
  assert.equal(await new ProcessTable().isRunning('kv-test-zombie'), false)
})

test('like pgrep, it does not count the process that asks', async t => {
  const program = `
    import { ProcessTable } from '${new URL('../../src/checks/process-table.ts', import.meta.url)}'
    process.title = 'kv-test-self'
    console.log(await new ProcessTable().isRunning('kv-test-self'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await runUntilEnd(t, child)
  assert.equal(String((await once(child.stdout, 'data'))[0]), 'false\n')
})

/** A /proc with these processes, and how to change it. */
function fakeProc(t: TestContext) {
  const root = folder(t)
  const add = (pid: number, comm: string, { argv0 = comm, state = 'S' } = {}) => {
    mkdirSync(join(root, String(pid)))
    writeFileSync(join(root, String(pid), 'comm'), `${comm}\n`)
    writeFileSync(join(root, String(pid), 'stat'), `${pid} (${comm}) ${state} 1 ${pid} 0`)
    writeFileSync(join(root, String(pid), 'cmdline'), `${argv0}\0-g\0daemon off;\0`)
  }
  const remove = (pid: number) => rmSync(join(root, String(pid)), { recursive: true })
  return { root, add, remove, table: new ProcessTable(root) }
}

test('a name may hold spaces and parentheses, and its state is still read right', async t => {
  const { add, table } = fakeProc(t)
  add(7, 'a) S (b', { state: 'Z' })
  add(8, 'c) Z (d')
  assert.equal(await table.isRunning('a) S (b'), false)
  assert.equal(await table.isRunning('c) Z (d'), true)
})

test('a PID that another program got is not taken for the old one', async t => {
  const { add, remove, table } = fakeProc(t)
  add(7, 'nginx')
  assert.equal(await table.isRunning('nginx'), true)
  remove(7)
  add(7, 'haproxy')
  assert.equal(await table.isRunning('nginx'), false)
})

test('a process that ends while the table is read is skipped', async t => {
  const { root, add, table } = fakeProc(t)
  mkdirSync(join(root, '6'))
  add(7, 'nginx')
  assert.equal(await table.isRunning('nginx'), true)
})

/** The read system calls of this thread so far. */
function reads(): number {
  return Number(/syscr: (\d+)/.exec(readFileSync('/proc/thread-self/io', 'utf8'))?.[1])
}

test('many names asked for at once cost one reading of the table, a few files a turn', async t => {
  const { add, table } = fakeProc(t)
  // Above any PID there is, so that none is our own.
  for (let pid = 5_000_000; pid < 5_000_600; pid++) add(pid, `p${pid}`)
  const turns: number[] = []
  let last = reads()
  let counting = true
  const count = () => {
    turns.push(reads() - last)
    last = reads()
    if (counting) setImmediate(count)
  }
  count()
  const own = turns[0] ?? 0
  const answers = await Promise.all(Array.from({ length: 600 }, (_, i) => table.isRunning(`p${5_000_000 + i}`)))
  counting = false
  count()
  assert.ok(answers.every(Boolean))
  const most = Math.max(...turns) - own
  const all = turns.reduce((sum, turn) => sum + turn - own, 0)
  assert.ok(most < 200, `${most} reads in one turn`)
  assert.ok(all < 3000, `${all} reads for one comm and one stat of each of 600 processes`)
})

test('a reading that a hung process holds up is not joined by a second one', async t => {
  const { root, add, table } = fakeProc(t)
  add(5_000_000, 'hung')
  const memory = join(root, '5000000', 'cmdline')
  rmSync(memory)
  execFileSync('mkfifo', [memory])
  const answers: string[] = []
  const first = table.isRunning('nginx').then(() => answers.push('first'))
  await sleep(50)
  add(5_000_001, 'nginx')
  const second = table.isRunning('nginx').then(() => answers.push('second'))
  await sleep(50)
  assert.deepEqual(answers, [])
  writeFileSync(memory, '')
  await first
  await second
  assert.deepEqual(answers, ['first', 'second'])
})

test('a table that cannot be read is said, and read again the next time', async t => {
  const { root, add } = fakeProc(t)
  const table = new ProcessTable(join(root, 'later'))
  await assert.rejects(table.isRunning('nginx'), { message: `Cannot read ${join(root, 'later')}: ENOENT` })
  mkdirSync(join(root, 'later'))
  add(7, 'nginx')
  assert.equal(await table.isRunning('nginx'), false)
})
