/* A notify script of keepalived's kind, and a FIFO, told of an agent's transitions. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { comesTo } from '../lab/agent-view.ts'
import { eventually, scratchFolder, startAgent } from '../lab/daemons.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const SCRIPT = `#!/bin/sh
# As README files have it: what to do is the third argument.
case "$3" in
  MASTER|BACKUP|FAULT|STOP) echo "$1 $2 $3 $4" >> "$(dirname "$0")/told" ;;
esac
`

test('a notify script written for keepalived runs unchanged, to the last transition', async t => {
  const { lan, node } = testLan(t, 'notify')
  const folder = scratchFolder()
  const [script, told, fifo] = [join(folder, 'notify.sh'), join(folder, 'told'), join(folder, 'fifo')]
  writeFileSync(script, SCRIPT)
  chmodSync(script, 0o755)
  writeFileSync(told, '')
  const lines = () => readFileSync(told, 'utf8').trim().split('\n')

  const node1 = node()
  const file = stream(
    virtualIP('web', {
      addresses: ['10.1.0.100'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      advertisementInterval: '100ms',
      priorities: priorities({ [node1.name]: 200 }),
    }),
  )
  const agent = startAgent(node1, { file, args: ['--notify', script, '--notify-fifo', fifo] })
  await comesTo(agent, 'MASTER')
  const reader = node1.spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(reader, 'close')
  let read = ''
  reader.stdout?.on('data', (chunk: Buffer) => {
    read += chunk
  })
  await eventually('MASTER is told', () => lines().at(-1) === 'INSTANCE web MASTER 200', { daemons: [agent] })
  lan.setLink(node1, false)
  await eventually('FAULT is told', () => lines().at(-1) === 'INSTANCE web FAULT 200', { daemons: [agent] })
  lan.setLink(node1, true)
  await eventually('MASTER is told again', () => lines().at(-1) === 'INSTANCE web MASTER 200', { daemons: [agent] })
  assert.equal(await agent.stop(), 0)
  assert.equal(lines().at(-1), 'INSTANCE web STOP 200')
  await ended
  const states = [...read.matchAll(/^INSTANCE "web" (\w+) 200$/gm)].map(([, state]) => state)
  assert.deepEqual(states, ['BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER', 'STOP'])
})
