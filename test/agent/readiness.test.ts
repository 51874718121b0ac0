import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readiness } from '../../src/agent/readiness.ts'
import type { VirtualRouterStatus } from '../../src/api/virtual-ip-node.ts'

function router(virtualIP: string, state: VirtualRouterStatus['state']): VirtualRouterStatus {
  const since = '2026-01-01T00:00:00Z'
  const message = `it is ${state}`
  const its = { family: 'IPv4', link: 'eth0', virtualRouterID: 1, priority: 100, reason: 'Test' } as const
  return { virtualIP, state, since, message, ...its }
}

suite('an agent is ready', () => {
  test('when it has nothing to run, and when all that it runs takes part or can’t', () => {
    assert.equal(readiness(undefined, []), true)
    assert.equal(readiness(undefined, [router('a', 'MASTER'), router('b', 'BACKUP'), router('c', 'FAULT')]), true)
  })

  test('not while a virtual router has not begun', () => {
    const waiting = [router('a', 'BACKUP'), router('b', 'INITIALIZE')]
    assert.equal(readiness(undefined, waiting), 'b (IPv4) does not take part yet: it is INITIALIZE')
    assert.match(String(readiness(undefined, [...waiting, router('c', 'INITIALIZE')])), /\(and 1 more\)$/)
  })

  test('not with a configuration that it can’t use', () => {
    assert.equal(readiness('The spec is wrong', [router('a', 'MASTER')]), 'The spec is wrong')
  })
})
