/* What keeps a loop from its deadlines: a log that nobody reads, processors that are never idle. Adverts go on, and nobody takes over. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTo, rowOf, transitions } from '../lab/agent-view.ts'
import { blockedPipe } from '../lab/blocked-pipe.ts'
import { eventually, holders, scratchFolder, startAgent } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

/** So long that CI's own load is no reason, and still so short that a loop which waits for its log is taken over. */
const INTERVAL = 700
/** Longer than a BACKUP waits. */
const LOADED = 5000

test('a log that nobody reads and processors that are never idle: it advertises on, nobody takes over, and it ends when it is told to', async t => {
  const { node } = testLan(t, 'late')
  const [node1, node2, observer] = [node(), node(), node()]
  const file = stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
      advertisementInterval: `${INTERVAL}ms`,
    }),
  )
  const stateDir = scratchFolder()
  writeFileSync(`${stateDir}/muted.yaml`, file)
  const args = ['--file', `${stateDir}/muted.yaml`, '--log-level', 'trace']
  const master = startAgent(node1, { stateDir, args, output: blockedPipe() })
  await eventually('the muted one is MASTER', async () => (await rowOf(master, 'web'))?.state === 'MASTER')
  const backup = startAgent(node2, { file })
  await comesTo(backup, 'BACKUP')
  const listener = listenOn(observer)
  t.after(() => listener.close())
  const told = transitions(backup).length

  const busy = Array.from({ length: availableParallelism() }, () =>
    spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
  )
  t.after(() => busy.map(each => each.kill('SIGKILL')))
  // It has a line to write each time.
  for (let left = LOADED; left > 0; left -= 100) {
    master.kill('SIGHUP')
    await sleep(100)
  }
  for (const each of busy) each.kill('SIGKILL')

  const adverts = listener.heard.filter(line => line.startsWith('advert 51'))
  assert.deepEqual([...new Set(adverts)], [`advert 51 priority 200 from 10.1.0.1`])
  assert.ok(adverts.length >= LOADED / INTERVAL / 2, `${adverts.length} adverts`)
  assert.equal(transitions(backup).length, told, backup.output())
  assert.deepEqual(holders([node1, node2], '10.1.0.100'), [node1.name])

  master.kill('SIGTERM')
  assert.equal(await master.ended, 0)
  await eventually('the BACKUP has it', () => holders([node1, node2], '10.1.0.100').join() === node2.name)
})
