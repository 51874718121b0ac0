import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { watchHolders } from './holders.ts'
import { type LabNode, type Lan, labTime, openLan } from './lan.ts'
import { startProber, startResponder } from './prober.ts'

const IN_NAMESPACES = fileURLToPath(new URL('in-namespaces', import.meta.url))

let lan: Lan
let a: LabNode
let b: LabNode

before(() => {
  lan = openLan({ bridge: 'br-lan', addresses: ['10.9.6.254/24', 'fd09:6::fe/64'] })
  a = lan.addNode({ name: 'lan-a', addresses: ['10.9.6.1/24', 'fd09:6::1/64'] })
  b = lan.addNode({ name: 'lan-b', addresses: ['10.9.6.2/24', 'fd09:6::2/64'] })
})

afterEach(() => {
  a.signal('SIGKILL')
  b.signal('SIGKILL')
})

after(() => lan.close())

for (const address of ['10.9.6.2', 'fd09:6::2']) {
  test(`one node reaches another at ${address}, and hears which it is`, async () => {
    assert.deepEqual(await answerers(a, address), ['lan-b'])
  })
}

test('a node reaches servers outside, at the address of the bridge', async () => {
  const server = spawnSync('ip', ['netns', 'exec', 'lan-a', 'bash', '-c', 'echo >/dev/tcp/10.9.6.254/1'], {
    encoding: 'utf8',
  })
  assert.match(server.stderr, /Connection refused/)
})

test('what a node sends is lost in one direction, or what it is sent, or both', async () => {
  lan.cut(b, 'ToNode')
  assert.equal(await arrived(a, b), false)
  assert.equal(await arrived(b, a), true)
  lan.uncut(b)
  lan.cut(b, 'FromNode')
  assert.equal(await arrived(a, b), true)
  assert.equal(await arrived(b, a), false)
  lan.uncut(b)
  lan.cut(b)
  assert.deepEqual([await arrived(a, b), await arrived(b, a)], [false, false])
  lan.uncut(b)
  assert.deepEqual([await arrived(a, b), await arrived(b, a)], [true, true])
  assert.match(b.run('ip', 'link', 'show', 'eth0'), /LOWER_UP/)
})

test('in a divided LAN nodes of either side hear only each other, but who is exempt, and the bridge, hear all', async t => {
  const c = lan.addNode({ name: 'lan-c', addresses: ['10.9.6.3/24'] })
  const hears = async (by: LabNode, address: string) => (await answerers(by, address)).length > 0
  startResponder(c)
  lan.divide([b], [c])
  t.after(() => lan.undivide())
  assert.deepEqual([await arrived(a, b), await arrived(b, a)], [false, false])
  assert.deepEqual([await arrived(a, c), await arrived(b, c)], [true, true])
  assert.equal(await hears(b, '10.9.6.3'), true)
})

test("a node's carrier goes and comes", () => {
  lan.setCarrier(b, false)
  assert.match(b.run('ip', 'link', 'show', 'eth0'), /NO-CARRIER/)
  lan.setCarrier(b, true)
  assert.match(b.run('ip', 'link', 'show', 'eth0'), /LOWER_UP/)
})

test('a crash ends all that runs on a node and is not heard of on the LAN, in one instant; afterwards it boots as new', async () => {
  const shell = b.spawn('sh', ['-c', 'sleep 1000 & sleep 1000'])
  b.run('ip', 'address', 'add', '10.9.6.77/32', 'dev', 'eth0')
  await sleep(50)
  const exit = once(shell, 'exit')
  const before = labTime()
  const at = lan.crash(b)
  assert.ok(at >= before && at <= labTime())
  assert.deepEqual((await exit)[1], 'SIGKILL')
  await sleep(20)
  assert.equal(spawnSync('ip', ['netns', 'pids', 'lan-b'], { encoding: 'utf8' }).stdout, '')
  assert.deepEqual([await arrived(a, b), await arrived(b, a)], [false, false])

  lan.restore(b)
  const eth0 = b.run('ip', '-oneline', 'address', 'show', 'eth0') + b.run('ip', 'link', 'show', 'eth0')
  for (const kept of ['02:00:00:00:00:02', '10.9.6.2/24', 'fd09:6::2/64']) assert.ok(eth0.includes(kept), kept)
  assert.doesNotMatch(b.run('ip', 'address'), /10\.9\.6\.77/)
  assert.deepEqual(await answerers(a, '10.9.6.2'), ['lan-b'])
})

test('who holds an address is known, and since when', async t => {
  a.run('ip', 'address', 'add', '10.9.6.77/32', 'dev', 'lo')
  const holders = await watchHolders([a, b], '10.9.6.77')
  t.after(() => holders.close())
  assert.deepEqual(holders.now, ['lan-a'])
  const before = labTime()
  b.run('ip', 'address', 'add', '10.9.6.77/32', 'dev', 'eth0')
  await sleep(20)
  assert.deepEqual(holders.now, ['lan-a', 'lan-b'])
  a.run('ip', 'address', 'delete', '10.9.6.77/32', 'dev', 'lo')
  await sleep(20)
  assert.deepEqual(holders.now, ['lan-b'])
  assert.deepEqual(
    holders.changes.map(({ node, holds }) => `${node} ${holds}`),
    ['lan-a true', 'lan-b true', 'lan-a false'],
  )
  assert.ok(holders.changes.slice(1).every(({ at }) => at >= before && at <= labTime()))
})

test('a program that fails on a node is an error with its output', () => {
  assert.throws(
    () => a.run('sh', '-c', 'echo why >&2; exit 3'),
    /^Error: sh -c echo why >&2; exit 3 on lan-a: status 3\nwhy/,
  )
})

test('when a LAN is closed, nothing of it is left, nor what was about to begin', async () => {
  const other = openLan({ bridge: 'br-other' })
  const node = other.addNode({ name: 'other1', addresses: ['10.9.60.1/24'] })
  const exits = Array.from({ length: 10 }, () => once(node.spawn('sleep', ['10']), 'exit'))
  other.close()
  for (const [, signal] of await Promise.all(exits)) assert.equal(signal, 'SIGKILL')
  assert.doesNotMatch(spawnSync('ip', ['-brief', 'link'], { encoding: 'utf8' }).stdout, /br-other|p-other1/)
  assert.doesNotMatch(spawnSync('ip', ['netns'], { encoding: 'utf8' }).stdout, /other1/)
})

test('outside of namespaces of its own, no LAN is made', () => {
  const program = `import { openLan } from ${JSON.stringify(new URL('lan.ts', import.meta.url).href)}; openLan()`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    env: { ...process.env, KUBE_VRRP_LAB: '' },
  })
  assert.match(stderr, /Error: This changes links and addresses: run it as test\/lab\/in-namespaces node/)
  assert.equal(status, 1)
})

test('in-namespaces gives its command a network and processes of its own, its input, and returns its status', () => {
  const script = 'cat; ip -brief link; echo "processes: $(ls -d /proc/[0-9]* | wc -l)"; exit 7'
  const { stdout, status } = spawnSync(IN_NAMESPACES, ['bash', '-c', script], { input: 'input\n', encoding: 'utf8' })
  assert.match(stdout, /^input\nlo +UNKNOWN .*\nprocesses: [2-6]\n$/)
  assert.equal(status, 7)
})

test('in-namespaces without a command, or without a tool it needs, is refused with a sentence', () => {
  const bare = spawnSync(IN_NAMESPACES, [], { encoding: 'utf8' })
  assert.deepEqual(
    [bare.status, bare.stderr],
    [2, 'Cannot make namespaces: no command was given (test/lab/in-namespaces COMMAND [ARGUMENT...])\n'],
  )
})

test('in-namespaces, told to end, ends at once with all that it started', async () => {
  const script = `${IN_NAMESPACES} sh -c 'trap "" TERM; echo started; sleep 4242 & wait; wait' & read -r; kill -TERM $!; wait $!; echo $?`
  const { stdout } = spawnSync('bash', ['-c', script.replace('read -r', 'sleep 0.5')], { encoding: 'utf8' })
  assert.deepEqual(stdout.trim().split('\n'), ['started', '143'])
  await sleep(50)
  assert.doesNotMatch(spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout, /^sleep 4242$/m)
})

/** Who answers at an address of b's, once somebody does. */
async function answerers(client: LabNode, address: string): Promise<string[]> {
  startResponder(b)
  for (let attempt = 0; attempt < 20; attempt++) {
    const prober = startProber(client, address, 5)
    await sleep(250)
    const { answers } = await prober.stop()
    if (answers.length > 0) return [...new Set(answers.map(({ node }) => node))]
  }
  return []
}

/** Whether an ARP request of `from`'s reaches `to`, which then knows its MAC: no answer is needed. */
async function arrived(from: LabNode, to: LabNode): Promise<boolean> {
  for (const node of [from, to]) node.run('ip', 'neighbour', 'flush', 'all')
  from.run('bash', '-c', `echo >/dev/udp/${ipv4Of(to)}/9 || true`)
  await sleep(20)
  return to.run('ip', 'neighbour', 'show', ipv4Of(from)).includes(from.mac)
}

function ipv4Of(node: LabNode): string {
  return node.addresses[0]?.split('/')[0] ?? ''
}
