/* Make before break: who gives an address up answers for it until its successor has announced it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { gratuitousArp } from '../../src/wire/arp.ts'
import { comesTo, says } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, holders, startAgent } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import { watchHolders } from '../lab/holders.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { ADDRESSES, MOVES, MovingPair } from '../lab/moving-pair.ts'
import { inNamespace } from '../lab/namespace.ts'
import { startPings } from '../lab/pings.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const TIMES = 5
/** A machine so busy that a BACKUP is late by two of these loses what it should not. */
const INTERVAL = 500
/** Of the order of 10 ms; how late a busy machine is with either node's part, or this process with what the kernel tells it, is in it. */
const LONGEST_OVERLAP = 500

test(`${TIMES} times each, a MASTER leaves, returns, is lowered and raised: of 1,000 probes a second by ICMP and UDP none is lost`, async t => {
  const pair = await MovingPair.open({ name: 'moves', kinds: ['ours', 'ours'], interval: INTERVAL })
  t.after(() => pair.close())
  const pings = await startPings(pair.client, ADDRESSES, 1)
  for (let i = 0; i < TIMES; i++) {
    for (const move of MOVES) {
      const { overlap } = await pair.move(move)
      t.diagnostic(`${move}: both have the addresses for ${overlap.map(ms => ms.toFixed(1)).join(' and ')} ms`)
      const said = pair.daemons.map(daemon => daemon.output()).join('\n---\n')
      for (const ms of overlap) assert.ok(ms < LONGEST_OVERLAP, `${move}: ${ms} ms\n${said}`)
      await sleep(200)
    }
  }
  const pinged = await pings.stop()
  assert.deepEqual(
    pinged.map(({ address, protocol, lost }) => [address, protocol, lost]),
    ADDRESSES.flatMap(address => [
      [address, 'ICMP', []],
      [address, 'UDP', []],
    ]),
  )
  for (const { sent } of pinged) assert.ok(sent > TIMES * MOVES.length * 100, `${sent} probes`)
})

describe('a MASTER that gives its address up', { concurrency: 3 }, () => {
  for (const [how, lose] of [
    ['is no longer a member', (agent: AgentDaemon, rest: string) => change(agent, rest)],
    ['fails its check', ({ node }: AgentDaemon) => node.run('ip', 'address', 'add', '10.9.9.9', 'dev', 'lo')],
  ] as const) {
    test(`because it ${how}, does so when the other has it`, async t => {
      const { node } = testLan(t, how === 'fails its check' ? 'fails' : 'member')
      const [node1, node2] = [node(), node()]
      const checks = [
        {
          name: 'address',
          exec: { command: ['/bin/sh', '-c', '! ip -brief address show dev lo | grep -q 10.9.9.9'] },
          interval: '100ms',
          // Starved, it fails a check that takes longer, before there is a BACKUP.
          timeout: '10s',
        },
      ]
      const text = stream(
        web(
          { [node1.name]: 200, [node2.name]: 100 },
          {
            advertisementInterval: '1s',
            ...(how === 'fails its check' ? { checks } : {}),
          },
        ),
      )
      const { master, backup } = await pair(node1, node2, text)
      const watch = await watchHolders([node1, node2], '10.1.0.100')
      t.after(() => watch.close())
      lose(master, stream(web({ [node2.name]: 100 }, { advertisementInterval: '1s' })))
      await eventually('it has moved', () => watch.now.join() === node2.name, { daemons: [master] })
      assert.deepEqual(
        watch.changes.slice(1).map(({ node, holds }) => [node, holds]),
        [
          [node2.name, true],
          [node1.name, false],
        ],
        `${master.output()}\n---\n${backup.output()}`,
      )
      // Which of its words is read first is the machine's business.
      await says(master, /web: handed over(: another node has announced| to the node that advertises)/)
    })
  }

  test('because there is none any more, releases it at once: nobody succeeds to what is deleted', async t => {
    const { node } = testLan(t, 'deleted')
    const [node1, node2] = [node(), node()]
    const { master, backup } = await pair(node1, node2, stream(web({ [node1.name]: 200, [node2.name]: 100 }), other()))
    const watch = await watchHolders([node1, node2], '10.1.0.100')
    t.after(() => watch.close())
    change(backup, stream(other()))
    await eventually('the BACKUP has read it', async () => /Read /.test(backup.output()))
    change(master, stream(other()))
    await eventually('it is released', () => watch.now.length === 0, { daemons: [master] })
    await says(master, 'Released 10.1.0.100/24')
    assert.doesNotMatch(master.output(), /web: (handed over|released: no other node)/)
  })

  test('and is alone, ends when no BACKUP can wait any longer; a second signal ends it at once', async t => {
    const { node } = testLan(t, 'alone')
    const [node1, node2] = [node(), node()]
    for (const [signals, least, most] of [
      [1, 800, 3000],
      [2, 0, 700],
    ] as const) {
      const agent = startAgent(node1, { file: stream(web({ [node1.name]: 200 })) })
      await comesTo(agent, 'MASTER')
      const listener = listenOn(node2)
      t.after(() => listener.close())
      const at = labTime()
      agent.kill('SIGTERM')
      await eventually('Priority 0 is heard', () => listener.heard.includes('advert 51 priority 0 from 10.1.0.1'))
      assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name], 'it still answers')
      if (signals === 2) agent.kill('SIGINT')
      assert.equal(await agent.ended, 0, agent.output())
      const took = labTime() - at
      assert.ok(took >= least && took < most, `${took} ms`)
      assert.deepEqual(holders([node1], '10.1.0.100'), [])
    }
  })

  test('by the letter of the RFC, where it is asked to: released, then Priority 0', async t => {
    const { node } = testLan(t, 'letter')
    const [node1, node2] = [node(), node()]
    const { master } = await pair(node1, node2, stream(web({ [node1.name]: 200, [node2.name]: 100 })), '0s')
    const watch = await watchHolders([node1, node2], '10.1.0.100')
    t.after(() => watch.close())
    assert.equal(await master.stop(), 0)
    await eventually('it has moved', () => watch.now.join() === node2.name)
    assert.deepEqual(
      watch.changes.slice(1).map(({ node, holds }) => [node, holds]),
      [
        [node1.name, false],
        [node2.name, true],
      ],
    )
  })

  test('to a host that announces it without a word of VRRP, stops answering all the same', async t => {
    const { node } = testLan(t, 'garp')
    const [node1, node2] = [node(), node()]
    // So slow that nothing but the announcement can be the reason.
    const agent = startAgent(node1, { file: stream(web({ [node1.name]: 255 }, { advertisementInterval: '5s' })) })
    await comesTo(agent, 'MASTER')
    agent.kill('SIGTERM')
    await sleep(300)
    assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name])
    const frames = inNamespace(node2.name, openFrameSocket)
    const mac = Uint8Array.from(node2.mac.split(':'), byte => Number.parseInt(byte, 16))
    frames.send(Number(node2.run('cat', '/sys/class/net/eth0/ifindex')), gratuitousArp(ipAddress('10.1.0.100'), mac))
    frames.close()
    assert.equal(await agent.ended, 0)
    await says(agent, 'web: handed over: another node has announced the addresses')
  })
})

/** Of keepalived with priority 100, when its MASTER has left. */
const SKEW = 122

test('keepalived as its successor: it stops answering when keepalived has announced', async t => {
  const pair = await MovingPair.open({ name: 'kamoves', kinds: ['ours', 'keepalived'], interval: 200 })
  t.after(() => pair.close())
  for (let i = 0; i < TIMES; i++) {
    for (const move of ['leave', 'return'] as const) {
      const { overlap } = await pair.move(move)
      const said = pair.daemons.map(daemon => daemon.output()).join('\n---\n')
      for (const ms of overlap) assert.ok(ms > -SKEW / 2 && ms < LONGEST_OVERLAP, `${move}: ${ms} ms\n${said}`)
    }
  }
})

function change(agent: AgentDaemon, text: string): void {
  writeFileSync(agent.file, text)
  agent.kill('SIGHUP')
}

async function pair(node1: LabNode, node2: LabNode, file: string, handover = '29s') {
  const args = ['--handover', handover]
  const master = startAgent(node1, { file, args })
  await comesTo(master, 'MASTER')
  const backup = startAgent(node2, { file, args })
  await comesTo(backup, 'BACKUP')
  return { master, backup }
}

function web(byNode: Record<string, number>, more: object = {}): object {
  return virtualIP('web', {
    addresses: ['10.1.0.100/24'],
    interface: { name: 'eth0' },
    virtualRouterID: 51,
    priorities: priorities(byNode),
    ...more,
  })
}

/** That a file has one VirtualIP at least. */
function other(): object {
  return virtualIP('other', {
    addresses: ['10.1.0.200/24'],
    interface: { name: 'eth0' },
    virtualRouterID: 52,
    priorities: priorities({ elsewhere: 200 }),
  })
}
