/* Fail well: a MASTER that stops advertising, for whatever reason, stops answering before a BACKUP may take over. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentSource } from '../../src/cli/agent-source.ts'
import { comesTo, says } from '../lab/agent-view.ts'
import { type Claim, startAsking } from '../lab/asking.ts'
import { eventually, holders, startAgent } from '../lab/daemons.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { ADDRESSES, type Kind, MovingPair } from '../lab/moving-pair.ts'
import { stopAtOnce } from '../lab/stop-at-once.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const TIMES = 5

describe('who asks for an address every 10 ms', { concurrency: 1 }, () => {
  for (const interval of [200, 100]) {
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      test(`${TIMES} times at ${interval} ms, gets no answer of a MASTER's after its BACKUP's, when ${signal} stops it`, async t => {
        for (const { old, successor, said, report } of await stopped(t, 'ours', interval, signal, TIMES)) {
          t.diagnostic(report)
          const [last, first] = [old.at(-1)?.at ?? Number.NaN, successor[0]?.at ?? Number.NaN]
          assert.ok(last < first, `${report}\n${said}`)
        }
      })
    }
  }

  test('gets answers of a killed keepalived for as long as it asks, whoever else answers', async t => {
    for (const { old, successor, report } of await stopped(t, 'keepalived', 200, 'SIGKILL', 1)) {
      t.diagnostic(report)
      const [last, next] = [old.at(-1)?.at ?? Number.NaN, successor.at(-1)?.at ?? Number.NaN]
      assert.ok(Math.abs(last - next) < 200, report)
    }
  })

  test('gets no answer of a MASTER that is thawed before it has waited as a BACKUP does', async t => {
    const interval = 200
    const pair = await MovingPair.open({ name: 'thaw', kinds: ['ours', 'ours'], interval })
    t.after(() => pair.close())
    const asking = await startAsking(pair.client, ADDRESSES, 10)
    let thawed = 0
    const [first] = await pair.disturb(async daemon => {
      daemon.kill('SIGSTOP')
      await sleep(2000)
      thawed = labTime()
      daemon.kill('SIGCONT')
      await eventually('it is MASTER again', () => daemon.output().split('-> MASTER').length > 2 * ADDRESSES.length)
    })
    const early = (await asking.stop()).filter(({ at, mac }) => mac === first && at > thawed && at < thawed + interval)
    assert.deepEqual(early, [])
  })
})

interface Stopped {
  /** Answers to who asked for one address until the MASTER was thawed. */
  readonly old: readonly Claim[]
  readonly successor: readonly Claim[]
  readonly report: string
  readonly said: string
}

/** Stops a MASTER so many times at random moments; one for each time and address. */
async function stopped(
  t: Pick<TestContext, 'after'>,
  kind: Kind,
  interval: number,
  signal: 'SIGSTOP' | 'SIGKILL',
  times: number,
): Promise<Stopped[]> {
  const name = `f${interval}${signal.slice(3, 5)}${kind[0]}`
  const pair = await MovingPair.open({ name, kinds: [kind, kind], interval })
  t.after(() => pair.close())
  const all: Stopped[] = []
  for (let i = 0; i < times; i++) {
    const asking = await startAsking(pair.client, ADDRESSES, 10)
    let [began, thawed] = [0, 0]
    const [first, second] = await pair.disturb(async daemon => {
      // What began on this machine may have cost it its place.
      await sleep(500)
      await pair.isWithFirst()
      await sleep(100 + Math.random() * interval)
      began = labTime()
      stopAtOnce(daemon, signal)
      await pair.secondHasTakenOver()
      await sleep(4 * interval)
      thawed = labTime()
      if (signal === 'SIGSTOP') daemon.kill('SIGCONT')
      else await daemon.ended
    })
    const claims = (await asking.stop()).filter(({ at }) => at < thawed)
    const said = pair.daemons.map(daemon => daemon.output()).join('\n---\n')
    for (const address of ADDRESSES) {
      const of = (mac: string) => claims.filter(claim => claim.address === address && claim.mac === mac)
      const [old, successor] = [of(first), of(second).filter(({ at }) => at > began)]
      const after = (at = Number.NaN) => (at - began).toFixed(0)
      const report = `${address}: the old one answers until ${after(old.at(-1)?.at)} ms after ${signal}, the other from ${after(successor[0]?.at)} ms on`
      all.push({ old, successor, report, said })
    }
  }
  return all
}

describe('the address of an agent', { concurrency: 3 }, () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    test(`goes away by itself after ${signal}, within 8 s, and nothing else does`, async t => {
      const { node } = testLan(t, `gone${signal.slice(3)}`.toLowerCase())
      const node1 = node()
      node1.run('ip', 'address', 'add', '10.1.0.77/32', 'dev', 'eth0')
      const agent = startAgent(node1, { file: web(node1) })
      await comesTo(agent, 'MASTER')
      await sleep(5000)
      assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name], 'it is renewed')
      const at = labTime()
      agent.kill(signal)
      const isGone = () => [...ADDRESSES].every(address => holders([node1], address).length === 0)
      await eventually('they are gone', isGone, { within: 8000 })
      t.diagnostic(`after ${((labTime() - at) / 1000).toFixed(1)} s`)
      const rest = node1.run('ip', 'address', 'show', 'dev', 'eth0')
      for (const other of ['10.1.0.77', '10.1.0.1'])
        assert.match(rest, new RegExp(`inet ${other}/[^]*?valid_lft forever`))
    })
  }

  test('leaves nothing of a fence behind when it ends; a killed one leaves it to the next to sweep', async t => {
    const { node } = testLan(t, 'sweep')
    const node1 = node()
    node1.run('ip', 'address', 'add', '10.1.0.77/32', 'dev', 'eth0')
    const first = startAgent(node1, { file: web(node1) })
    await comesTo(first, 'MASTER')
    assert.match(rules(node1), /10\.1\.0\.100/)
    assert.match(rules(node1), /fd01::100/)
    assert.doesNotMatch(rules(node1), /10\.1\.0\.(77|1\b)/, 'what is not ours is not fenced')
    first.kill('SIGKILL')
    await first.ended
    assert.match(rules(node1), /10\.1\.0\.100/)
    const next = startAgent(node1, { file: web(node1, { addresses: ['10.1.0.77/32'] }), stateDir: first.stateDir })
    await comesTo(next, 'MASTER')
    await eventually('swept', () => !/10\.1\.0\.100/.test(rules(node1)))
    await sleep(500)
    assert.doesNotMatch(rules(node1), /10\.1\.0\.77/, 'what serves and is not ours is not fenced')
    assert.equal(await next.stop(), 0)
    assert.equal(rules(node1), '')
    assert.match(node1.run('ip', 'address', 'show', 'dev', 'eth0'), /10\.1\.0\.77/)
  })

  test('moves behind the fence of its interval when that changes', async t => {
    const { node } = testLan(t, 'interval')
    const node1 = node()
    const agent = startAgent(node1, { file: web(node1, { advertisementInterval: '1s' }) })
    await comesTo(agent, 'MASTER')
    for (const [text, is, was] of [
      ['400ms', '400', '1000'],
      ['1s', '1000', '400'],
    ] as const) {
      writeFileSync(agent.file, web(node1, { advertisementInterval: text }))
      agent.kill('SIGHUP')
      await eventually(`it is with ${is}`, () => fencedWith(node1, is) && !fencedWith(node1, was), { daemons: [agent] })
      await sleep(1500)
      assert.doesNotMatch(agent.output(), /came late/)
    }
  })

  test('is fenced again where somebody has flushed nftables', async t => {
    const { node } = testLan(t, 'flush')
    const node1 = node()
    const agent = startAgent(node1, { file: web(node1) })
    await comesTo(agent, 'MASTER')
    node1.run('nft', 'flush', 'ruleset')
    await says(agent, 'Somebody has removed the fence from nftables: it is made anew')
    await eventually('it is there', () => fencedWith(node1, '200'))
    await sleep(500)
    agent.kill('SIGSTOP')
    await sleep(500)
    assert.doesNotMatch(rules(node1), /elements = { arp expires/)
    assert.match(rules(node1), /10\.1\.0\.100/)
    agent.kill('SIGCONT')
  })

  test('without nf_tables in the kernel is held all the same, goes away by itself, and the agent says so', async t => {
    const { node } = testLan(t, 'without')
    const node1 = node()
    const args = ['--metrics-address', '10.1.0.1:9180']
    const preload = new URL('../lab/without-nftables.ts', import.meta.url)
    const agent = startAgent(node1, { file: web(node1), args, preload })
    await comesTo(agent, 'MASTER')
    await says(agent, 'Cannot open a netfilter socket: EPROTONOSUPPORT: should this agent be killed or stand still')
    assert.match(node1.run('curl', '-s', 'http://10.1.0.1:9180/metrics'), /^kube_vrrp_fence 0$/m)
    assert.equal(rules(node1), '')
    const [entry] = await agentSource(join(agent.stateDir, node1.name, 'agent.sock')).list()
    const { message = '' } = entry?.status.conditions?.find(({ reason }) => reason === 'FenceMissing') ?? {}
    assert.match(message, /^On without1: Cannot open a netfilter socket: EPROTONOSUPPORT: .*modprobe nf_tables/)
    agent.kill('SIGKILL')
    await eventually('it is gone', () => holders([node1], '10.1.0.100').length === 0, { within: 8000 })
  })
})

function web(node: LabNode, more: object = {}): string {
  return stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24', 'fd01::100/64'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      advertisementInterval: '200ms',
      priorities: priorities({ [node.name]: 200 }),
      ...more,
    }),
  )
}

function rules(node: LabNode): string {
  return node.run('nft', 'list', 'ruleset')
}

/** Whether the address is behind the fence of that interval, in ms. */
function fencedWith(node: LabNode, interval: string): boolean {
  return new RegExp(`set held4-\\d+-IPv4-${interval} {[^}]*10\\.1\\.0\\.100`).test(rules(node))
}
