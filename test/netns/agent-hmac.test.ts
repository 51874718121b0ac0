/* Agents that sign their adverts: on the way to it, while keys change, and among those who can't. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { HMACAuthentication } from '../../src/api/authentication.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { readTrailer } from '../../src/wire/hmac-trailer.ts'
import { comesTo, says, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, holders, startAgent, startKeepalived } from '../lab/daemons.ts'
import { readFrames } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const
const FIRST = { id: 1, key: 'first' }
const SECOND = { id: 2, key: 'second' }

describe('agents that sign their adverts', { concurrency: 2 }, () => {
  test('come to it and change their keys, one after the other, and no address moves', async t => {
    const { node } = testLan(t, 'hmac-way')
    const [node1, node2, listener] = [node(), node(), node()]
    const signatures = listenForSignatures(t, listener)
    const agents = [node1, node2].map(one => startAgent(one, { file: file([node1, node2], undefined) }))
    const [first, second] = agents as [AgentDaemon, AgentDaemon]
    for (const family of FAMILIES) {
      await comesTo(first, 'MASTER', { family })
      await comesTo(second, 'BACKUP', { family })
    }
    const before = agents.map(transitions)
    for (const [hmac, signature, secret] of [
      [{ keys: [FIRST], mode: 'ReceiveOnly' }, 'none'],
      [{ keys: [FIRST, SECOND], activeKey: 1, mode: 'Permissive' }, 'of key 1'],
      [{ keys: [FIRST, SECOND], activeKey: 2 }, 'of key 2'],
      [
        { keys: [SECOND], mode: 'Permissive' },
        'of key 2',
        { second: 'another key, where those of both differ meanwhile' },
      ],
    ] as const satisfies readonly (readonly [HMACAuthentication, string, object?])[]) {
      for (const agent of agents.toReversed()) {
        const read = reads(agent)
        writeFileSync(agent.file, file([node1, node2], hmac, secret))
        await eventually(`${agent.node.name} reads it`, () => reads(agent) > read, { daemons: agents })
        // Longer than a BACKUP waits that believes nothing it hears.
        if (agent === second) await sleep(2000)
      }
      const expected = FAMILIES.map(family => `${family} ${signature}`)
      await eventually(`${expected}`, () => isDeepStrictEqual(signatures(), expected), { daemons: agents })
      assert.deepEqual(agents.map(transitions), before, `with ${JSON.stringify(hmac)}`)
    }
    assert.match(second.output(), / from 10\.1\.0\.1 would be refused with mode Enforce: HMACMissing: it is not signed/)
    assert.match(second.output(), / from 10\.1\.0\.1 would be refused with mode Enforce: HMACInvalid/)
    for (const agent of agents) assert.doesNotMatch(agent.output(), / is refused/)
    assert.deepEqual(holders([node1, node2], '10.1.0.100'), [node1.name])
    assert.equal(await first.stop(), 0)
    for (const family of FAMILIES) await comesTo(second, 'MASTER', { family })
  })

  test('are not misled by who can not sign, nor by what was signed before, and count both', async t => {
    const { node } = testLan(t, 'hmac-foe')
    const [node1, node2, stranger] = [node(), node(), node()]
    const hmac = { keys: [FIRST], timeWindow: '1m' }
    const first = startAgent(node1, { file: file([node1, node2], hmac) })
    for (const family of FAMILIES) await comesTo(first, 'MASTER', { family })
    const second = startAgent(node2, { file: file([node1, node2], hmac) })
    for (const family of FAMILIES) await comesTo(second, 'BACKUP', { family })
    const keepalived = startKeepalived(stranger, INSTANCE)
    await says(second, 'an advert from 10.1.0.3 is refused: HMACMissing: it is not signed')
    await says(keepalived, 'Entering MASTER STATE')
    await comesTo(first, 'MASTER')
    await keepalived.stop()

    const replay = recordAdverts(t, stranger)
    await eventually('adverts are recorded', () => replay.recorded() >= 10)
    first.kill('SIGKILL')
    await replay.until(comesTo(second, 'MASTER', { daemons: [first] }))
    await says(
      second,
      'an advert from 10.1.0.1 is refused: HMACReplayed: it was sent before, or came after a later one',
    )
    const metrics = scrape(node2)
    for (const reason of ['HMACMissing', 'HMACReplayed']) {
      assert.match(metrics, new RegExp(`kube_vrrp_packets_refused_total{reason="${reason}"} [1-9]`))
    }
    assert.equal(await second.stop(), 0)
  })

  test('go on with their keys where the file has one of the wrong length, and say so', async t => {
    const { node } = testLan(t, 'hmac-bad')
    const [node1, node2] = [node(), node()]
    const agent = startAgent(node1, { file: file([node1, node2], { keys: [FIRST] }) })
    await comesTo(agent, 'MASTER')
    const before = transitions(agent)
    writeFileSync(agent.file, file([node1, node2], { keys: [FIRST] }, { first: 'too short' }))
    await says(agent, 'has 9 bytes in the Secret "vrrp", a key of HMAC must have 32 to 64')
    await says(agent, 'The last good configuration goes on')
    await comesTo(agent, 'MASTER')
    assert.deepEqual(transitions(agent), before)
  })
})

function file(nodes: readonly LabNode[], hmac: HMACAuthentication | undefined, more: object = {}): string {
  const [one, two] = nodes
  const spec: VirtualIPSpec = {
    addresses: ['10.1.0.100/24', 'fd01::100/64'],
    virtualRouterID: 51,
    advertisementInterval: '500ms',
    priorities: priorities({ [one?.name ?? '']: 200, [two?.name ?? '']: 100 }),
    ...(hmac && { authentication: { type: 'HMAC', secretRef: { name: 'vrrp' }, hmac } }),
  }
  const stringData = { first: 'f'.repeat(32), second: 's'.repeat(64), ...more }
  return stream(virtualIP('web', spec), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vrrp' }, stringData })
}

function reads(agent: AgentDaemon): number {
  return agent.output().split(`Read ${agent.file}`).length
}

/** How each family's last advert was signed: `IPv4 of key 1`. */
function listenForSignatures(t: { after: (end: () => void) => void }, node: LabNode): () => string[] {
  const last = new Map<string, string>()
  const reading = readFrames(node, frame => {
    const advert = advertIn(frame)
    if (!advert) return
    const trailer = readTrailer(advert.message, advert.family)
    last.set(advert.family, trailer && 'keyID' in trailer ? `of key ${trailer.keyID}` : 'none')
  })
  t.after(() => reading.close())
  return () => FAMILIES.map(family => `${family} ${last.get(family)}`)
}

function advertIn(frame: Uint8Array): { family: 'IPv4' | 'IPv6'; message: Uint8Array } | undefined {
  const packet = frame.subarray(14)
  const version = (packet[0] ?? 0) >> 4
  if (version === 4 && packet[9] === 112) return { family: 'IPv4', message: packet.subarray(20) }
  if (version === 6 && packet[6] === 112) return { family: 'IPv6', message: packet.subarray(40) }
  return undefined
}

/** Sends again what it has heard, again and again. */
function recordAdverts(t: { after: (end: () => void) => void }, node: LabNode) {
  const frames: Uint8Array[] = []
  const reading = readFrames(node, frame => {
    if (advertIn(frame)) frames.push(Uint8Array.from(frame))
  })
  t.after(() => reading.close())
  const link = Number(node.run('cat', '/sys/class/net/eth0/ifindex'))
  return {
    recorded: () => frames.length,
    async until(end: Promise<unknown>): Promise<void> {
      const socket = inNamespace(node.name, () => openFrameSocket())
      const recorded = [...frames]
      const timer = setInterval(() => {
        for (const frame of recorded) socket.send(link, frame)
      }, 50)
      try {
        await end
      } finally {
        clearInterval(timer)
        socket.close()
      }
    },
  }
}

function scrape(node: LabNode): string {
  return node.run(
    'node',
    '-e',
    "fetch('http://127.0.0.1:9180/metrics').then(async got => console.log(await got.text()))",
  )
}

const INSTANCE = `
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 250
  version 3
  advert_int 0.5
  virtual_ipaddress {
    10.1.0.100
  }
}
`
