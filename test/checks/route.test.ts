import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteCheck } from '../../src/api/check.ts'
import { lookForRoute, type RouteHop } from '../../src/checks/route.ts'
import { formatPrefix } from '../../src/lib/ip-address.ts'

const HOPS = new Map<string, readonly RouteHop[]>([
  ['0.0.0.0/0', [{ link: 'eth0', gateway: '10.0.0.254' }]],
  ['10.0.0.0/24', [{ link: 'eth0' }]],
  [
    '10.20.0.0/16',
    [
      { link: 'eth0', gateway: '10.0.0.2' },
      { link: 'eth1', gateway: '10.1.0.2' },
    ],
  ],
  ['2001:db8::/32', [{ link: 'eth0', gateway: 'fe80::1' }]],
])

/** What a look at these routes finds. */
function look(check: RouteCheck) {
  return lookForRoute(check, 5000, { find: async destination => HOPS.get(formatPrefix(destination)) ?? [] }).outcome
}

test('a route to the network passes, over the link and by the gateway where they are given', async () => {
  const passing: RouteCheck[] = [
    { destination: '0.0.0.0/0' },
    { destination: '10.0.0.0/24', link: 'eth0' },
    { destination: '10.20.0.0/16', link: 'eth1' },
    { destination: '10.20.0.0/16', link: 'eth1', gateway: '10.1.0.2' },
    { destination: '2001:DB8::/32', gateway: 'FE80:0::1' },
  ]
  for (const check of passing) assert.deepEqual(await look(check), { passed: true }, JSON.stringify(check))
})

test('no route, or another one, fails, and says which there is', async () => {
  for (const [check, message] of [
    [{ destination: '::/0' }, 'There is no route to ::/0'],
    [
      { destination: '0.0.0.0/0', link: 'eth1' },
      'There is no route to 0.0.0.0/0 on eth1, but one to 0.0.0.0/0 on eth0 via 10.0.0.254',
    ],
    [
      { destination: '10.0.0.0/24', gateway: '10.0.0.1' },
      'There is no route to 10.0.0.0/24 via 10.0.0.1, but one to 10.0.0.0/24 on eth0',
    ],
    [
      { destination: '10.20.0.0/16', link: 'eth0', gateway: '10.1.0.2' },
      'There is no route to 10.20.0.0/16 on eth0 via 10.1.0.2, but one to 10.20.0.0/16 on eth0 via 10.0.0.2',
    ],
  ] as const) {
    assert.deepEqual(await look(check), { passed: false, message })
  }
})

test('routes that cannot be read, or not in time, are not known', async () => {
  const refused = { find: () => Promise.reject(new Error('Cannot read routes: EPERM')) }
  assert.deepEqual(await lookForRoute({ destination: '::/0' }, 5000, refused).outcome, {
    passed: false,
    message: 'Cannot read routes: EPERM',
    unknown: true,
  })
  const slow = Promise.withResolvers<readonly RouteHop[]>()
  const { outcome, ended } = lookForRoute({ destination: '::/0' }, 20, { find: () => slow.promise })
  assert.deepEqual(await outcome, { passed: false, message: 'Reading the routes took longer than 20ms', unknown: true })
  slow.resolve([])
  await ended
})
