import assert from 'node:assert/strict'
import { test } from 'node:test'
import { desiredRouter } from '../../src/agent/desired-routers.ts'
import { GroupStates } from '../../src/agent/group-states.ts'
import { machineClock } from '../../src/agent/machine-clock.ts'
import { RunningRouter } from '../../src/agent/running-router.ts'
import type { RouterStateName } from '../../src/api/virtual-ip.ts'
import { WEB } from './web-router.ts'

function router(virtualIP: string, group?: string): RunningRouter {
  const spec = { ...WEB, virtualIP, ...(group === undefined ? {} : { group }) }
  return new RunningRouter(
    desiredRouter(
      spec,
      [],
      () => false,
      () => undefined,
      0,
    ),
    machineClock,
  )
}

function group() {
  const states = new GroupStates()
  const all = [router('web', 'edge'), router('db', 'edge')]
  return {
    all,
    after(web: RouterStateName, db: RouterStateName, reason = 'Test'): string[] {
      all[0]?.show(web, reason, undefined)
      all[1]?.show(db, reason, undefined)
      return states.changes(all).map(({ group, state }) => `${group} ${state}`)
    },
    told: () => states.changes(all).map(({ group, state, reason }) => `${group} ${state} ${reason}`),
  }
}

test('a group is MASTER when all its routers are, in FAULT when one is, and told once', () => {
  const { after } = group()
  assert.deepEqual(after('INITIALIZE', 'BACKUP'), [])
  assert.deepEqual(after('BACKUP', 'BACKUP'), ['edge BACKUP'])
  assert.deepEqual(after('MASTER', 'BACKUP'), [])
  assert.deepEqual(after('MASTER', 'MASTER'), ['edge MASTER'])
  assert.deepEqual(after('MASTER', 'MASTER'), [])
  assert.deepEqual(after('MASTER', 'FAULT'), ['edge FAULT'])
  assert.deepEqual(after('BACKUP', 'BACKUP'), ['edge BACKUP'])
})

test('a group stops when its last router does', () => {
  const { all, after, told } = group()
  after('MASTER', 'MASTER')
  for (const router of all.slice(0, 1)) router.isLeaving = true
  assert.deepEqual(told(), [])
  for (const router of all) router.isLeaving = true
  assert.deepEqual(told(), ['edge INITIALIZE Shutdown'])
  assert.deepEqual(told(), [])
})

test('of the two families of a VirtualIP, and of routers of no group, nothing is told', () => {
  const states = new GroupStates()
  const routers = [router('web', 'VirtualIP/web'), router('db')]
  for (const each of routers) each.show('MASTER', 'Test', undefined)
  assert.deepEqual(states.changes(routers), [])
})
