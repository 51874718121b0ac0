import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type AgentPod, newsOf, readAgentPod } from '../../src/controller/agent-pod.ts'

/** As the kubelet reports it. */
function pod(container: object, status: object = { phase: 'Running' }): AgentPod {
  return readAgentPod({
    metadata: { name: 'agent-x', resourceVersion: '7', labels: {} },
    spec: { nodeName: 'node1', containers: [] },
    status: { ...status, containerStatuses: [{ name: 'sidecar' }, { name: 'agent', restartCount: 0, ...container }] },
  })
}

const running = pod({ state: { running: { startedAt: '2026-01-01T00:00:00Z' } } })

suite('an agent’s pod', () => {
  test('is without trouble while its container runs', () => {
    assert.deepEqual(running, { metadata: { name: 'agent-x', resourceVersion: '7' }, node: 'node1', restarts: 0 })
  })

  const troubles: [string, AgentPod, string][] = [
    [
      'an image that is not there',
      pod({ state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x:2"' } } }),
      'ImagePullBackOff: Back-off pulling image "x:2"',
    ],
    [
      'a crash loop, with how it ended',
      pod({
        state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting' } },
        lastState: { terminated: { reason: 'Error', exitCode: 1 } },
      }),
      'CrashLoopBackOff: it ended with Error (exit code 1)',
    ],
    [
      'an end by the kernel for want of memory',
      pod({ state: { terminated: { reason: 'OOMKilled', exitCode: 137 } } }),
      'OOMKilled',
    ],
    [
      'an eviction',
      pod({}, { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
      'Evicted: The node was low on resource: memory.',
    ],
    ['a failure that gives no reason', pod({}, { phase: 'Failed' }), 'Failed'],
    [
      'a pod that no kubelet has taken on',
      readAgentPod({ metadata: { name: 'agent-x' }, spec: { nodeName: 'node1' }, status: { phase: 'Pending' } }),
      'Pending',
    ],
  ]
  for (const [what, read, expected] of troubles) test(what, () => assert.equal(read.trouble, expected))

  test('is said in short, however long the kubelet’s message', () => {
    const waiting = { reason: 'ErrImagePull', message: 'failed: '.repeat(100) }
    assert.equal(pod({ state: { waiting } }).trouble?.length, 'ErrImagePull: '.length + 161)
  })

  test('is on no node while it is not bound to one', () => {
    assert.equal(readAgentPod({ metadata: { name: 'agent-x' }, spec: {} }).node, undefined)
  })
})

suite('what is news of an agent’s pod', () => {
  const restarted = pod({
    restartCount: 1,
    state: { running: {} },
    lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
  })

  test('it ended and was started again, and why', () => {
    assert.equal(newsOf(restarted, running), 'The agent on node1 was started again, for it had ended: OOMKilled')
    const killed = { restartCount: 3, lastState: { terminated: { reason: 'Error', exitCode: 137 } } }
    assert.equal(
      newsOf(pod(killed), restarted),
      'The agent on node1 was started again (restarts: 3), for it had ended: Error (exit code 137, as by SIGKILL)',
    )
  })

  test('it can’t run, once, however the kubelet words it', () => {
    const pulling = (reason: string) => pod({ state: { waiting: { reason, message: 'x:2 is not there' } } })
    const starting = pod({ state: { waiting: { reason: 'ContainerCreating' } } })
    assert.equal(
      newsOf(pulling('ErrImagePull'), starting),
      'The agent on node1 does not run: its pod agent-x is ErrImagePull: x:2 is not there',
    )
    assert.equal(newsOf(pulling('ImagePullBackOff'), pulling('ErrImagePull')), undefined)
  })

  test('it is evicted, once', () => {
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'evicting' }
    const evicted = pod({ state: { running: {} } }, { phase: 'Running', conditions: [condition] })
    assert.equal(newsOf(evicted, running), 'The agent on node1 is made to leave: EvictionByEvictionAPI: evicting')
    assert.equal(newsOf(evicted, evicted), undefined)
  })

  test('nothing, of one that is seen for the first time, starts, or goes on', () => {
    assert.equal(newsOf(restarted, undefined), undefined)
    assert.equal(newsOf(pod({ state: { waiting: { reason: 'ContainerCreating' } } }), pod({}, {})), undefined)
    assert.equal(newsOf(running, running), undefined)
    assert.equal(newsOf(pod({ state: { terminated: { reason: 'Completed', exitCode: 0 } } }), running), undefined)
  })
})
