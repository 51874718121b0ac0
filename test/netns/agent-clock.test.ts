/* A wall clock that somebody sets a day forward and back again and again: nothing is decided by it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTo, transitions } from '../lab/agent-view.ts'
import { eventually, holders, startAgent } from '../lab/daemons.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const WILD = new URL('../lab/wild-clock.ts', import.meta.url)

test('a wall clock that is set a day forward and back moves no address, checks go on by elapsed time, and who leaves hands over', async t => {
  const { node } = testLan(t, 'clock')
  const [node1, node2] = [node(), node()]
  const check = { name: 'lo', exec: { command: ['/bin/sh', '-c', '! ip -brief address show lo | grep -q 10.9.9.9'] } }
  const file = stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
      advertisementInterval: '500ms',
      checks: [{ ...check, interval: '500ms', timeout: '10s' }],
    }),
  )
  const master = startAgent(node1, { file, preload: WILD })
  await comesTo(master, 'MASTER')
  const backup = startAgent(node2, { file, preload: WILD })
  await comesTo(backup, 'BACKUP')
  const told = [master, backup].map(agent => transitions(agent).length)
  await sleep(4000)
  assert.deepEqual(
    [master, backup].map(agent => transitions(agent).length),
    told,
    `${master.output()}\n---\n${backup.output()}`,
  )
  assert.doesNotMatch(master.output(), /suspended/)

  node1.run('ip', 'address', 'add', '10.9.9.9', 'dev', 'lo')
  await comesTo(backup, 'MASTER', { daemons: [master] })
  node1.run('ip', 'address', 'delete', '10.9.9.9/32', 'dev', 'lo')
  await eventually('it is back', () => holders([node1, node2], '10.1.0.100').join() === node1.name, {
    daemons: [master, backup],
  })
  assert.equal(await master.stop(), 0)
  await eventually('the other has it', () => holders([node1, node2], '10.1.0.100').join() === node2.name)
  const days = new Set([...master.output().matchAll(/^(\d{4}-\d\d-\d\d)T/gm)].map(([, day]) => day))
  assert.ok(days.size > 1, 'its clock was not set at all')
})
