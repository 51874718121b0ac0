/* An agent that is to wait when it starts, for its links may not hear yet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comesTo, transitions } from '../lab/agent-view.ts'
import { eventually, holders, startAgent } from '../lab/daemons.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const ADDRESS = '10.1.0.100'

test('an agent with a start-up delay says so, and neither claims nor preempts before it is over', async t => {
  const { node } = testLan(t, 'delay')
  const [high, low] = [node(), node()]
  const spec = { addresses: [`${ADDRESS}/24`], priorities: priorities({ [high.name]: 200, [low.name]: 100 }) }
  const file = stream(virtualIP('web', spec))
  const other = startAgent(low, { file })
  await comesTo(other, 'MASTER')

  const begun = performance.now()
  const agent = startAgent(high, { file, args: ['--startup-delay', '4s'] })
  const { message } = await comesTo(agent, 'INITIALIZE', { reason: 'StartupDelay' })
  assert.equal(message, 'Takes part 4 s after the start of this agent (--startup-delay)')
  assert.deepEqual(transitions(agent), [])
  assert.deepEqual(holders([high, low], ADDRESS), [low.name])
  await comesTo(agent, 'MASTER')
  assert.ok(performance.now() - begun > 4000)
  await eventually('it alone holds it', () => holders([high, low], ADDRESS).join() === high.name, {
    daemons: [agent, other],
  })
})

test('one that was booted a moment ago waits for the rest of the delay, and ends at once while it does', async t => {
  const node1 = testLan(t, 'boot').node()
  const file = stream(virtualIP('web', { addresses: [`${ADDRESS}/24`], priorities: priorities({ [node1.name]: 200 }) }))
  const agent = startAgent(node1, { file, args: ['--delay-after-boot', '100000h'] })
  const { message } = await comesTo(agent, 'INITIALIZE', { reason: 'StartupDelay' })
  assert.equal(message, 'Takes part 360000000 s after the boot of this machine (--delay-after-boot)')
  assert.equal(await agent.stop(), 0)
  assert.deepEqual(transitions(agent), [])
})
