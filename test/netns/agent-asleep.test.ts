/* A process that stood still (SIGSTOP: as a cgroup freezer or a starved machine does it) and does not know what happened meanwhile. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo, says, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, holders, startAgent } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

describe('an agent that slept', { concurrency: 2 }, () => {
  test('as BACKUP, longer than it waits for an advert, reads what came meanwhile and stays BACKUP', async t => {
    const { node } = testLan(t, 'nap')
    const [node1, node2] = [node(), node()]
    const { master, backup } = await pair(node1, node2)
    for (let i = 0; i < 3; i++) {
      backup.kill('SIGSTOP')
      await sleep(1500)
      backup.kill('SIGCONT')
      await sleep(800)
    }
    assert.deepEqual(
      transitions(backup).filter(line => line.includes('-> MASTER')),
      [],
      backup.output(),
    )
    assert.deepEqual(holders([node1, node2], '10.1.0.100'), [node1.name], master.output())
  })

  test('as BACKUP, and wakes a little after its deadline, believes the advert that waits in the socket', async t => {
    const { node } = testLan(t, 'late')
    const [node1, node2] = [node(), node()]
    // Late by less than half an interval: what it knows may still be true, so only the waiting advert can refute the timer.
    const { backup } = await pair(node1, node2, { advertisementInterval: '1s' })
    for (let i = 0; i < 3; i++) {
      backup.kill('SIGSTOP')
      await sleep(3700)
      backup.kill('SIGCONT')
      await sleep(500)
    }
    assert.deepEqual(
      transitions(backup).filter(line => line.includes('-> MASTER')),
      [],
      backup.output(),
    )
  })

  test('as MASTER, and was replaced, yields before it says a word, so that its successor never lets go', async t => {
    const { node } = testLan(t, 'froze')
    const [node1, node2] = [node(), node()]
    const { master, backup } = await pair(node1, node2, { preemption: { mode: 'Never' } })
    for (let i = 0; i < 2; i++) {
      const [frozen, successor] = i === 0 ? [master, backup] : [backup, master]
      frozen.kill('SIGSTOP')
      await comesTo(successor, 'MASTER')
      const told = transitions(successor).length
      await sleep(1000)
      frozen.kill('SIGCONT')
      await comesTo(frozen, 'BACKUP')
      await eventually('its address is released', () => holders([frozen.node], '10.1.0.100').length === 0)
      await sleep(1500)
      assert.deepEqual(transitions(successor).slice(told), [], `${frozen.output()}\n---\n${successor.output()}`)
      assert.deepEqual(holders([node1, node2], '10.1.0.100'), [successor.node.name])
    }
  })

  test('as MASTER, and ranks first, lets its successor serve until it takes over in good order', async t => {
    const { node } = testLan(t, 'thaw')
    const [node1, node2] = [node(), node()]
    const { master, backup } = await pair(node1, node2)
    master.kill('SIGSTOP')
    await comesTo(backup, 'MASTER')
    await sleep(1000)
    master.kill('SIGCONT')
    await says(
      master,
      /MASTER -> BACKUP.*BACKUP -> MASTER.*BACKUP -> MASTER|BACKUP -> MASTER.*MASTER -> BACKUP.*BACKUP -> MASTER/s,
    )
    await says(backup, 'MASTER -> BACKUP')
    const [regained, yielded] = [lastAt(master, '-> MASTER'), lastAt(backup, 'MASTER -> BACKUP')]
    assert.ok(regained <= yielded, `${master.output()}\n---\n${backup.output()}`)
  })
})

/** node1, of priority 200, is MASTER; node2, of 100, is BACKUP. */
async function pair(
  node1: LabNode,
  node2: LabNode,
  spec: Partial<VirtualIPSpec> = {},
): Promise<{ master: AgentDaemon; backup: AgentDaemon }> {
  const file = stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
      advertisementInterval: '200ms',
      ...spec,
    }),
  )
  const master = startAgent(node1, { file })
  await comesTo(master, 'MASTER')
  const backup = startAgent(node2, { file })
  await comesTo(backup, 'BACKUP')
  await sleep(300)
  return { master, backup }
}

/** Unix time in ms of the last transition of this kind. */
function lastAt(agent: AgentDaemon, transition: string): number {
  const line = transitions(agent).findLast(text => text.includes(transition)) ?? assert.fail(agent.output())
  return Date.parse(line.split(' ')[0] ?? '')
}
