/* Whole agents and the controller's plan on a virtual wire: the way to signed adverts, and a change of their key, are no change of MASTER. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HMACAuthentication } from '../../src/api/authentication.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { World } from './world.ts'

const ONE = { id: 1, key: 'one' }
const TWO = { id: 2, key: 'two' }

/** Each when all run the one before. */
const STEPS: readonly (HMACAuthentication | undefined)[] = [
  undefined,
  { keys: [ONE], mode: 'ReceiveOnly' },
  { keys: [ONE], mode: 'Permissive' },
  { keys: [ONE] },
  { keys: [ONE, TWO], activeKey: 1 },
  { keys: [ONE, TWO], activeKey: 2 },
  { keys: [TWO] },
]
const BACK: readonly (HMACAuthentication | undefined)[] = [
  { keys: [TWO], mode: 'Permissive' },
  { keys: [TWO], mode: 'ReceiveOnly' },
  undefined,
]

for (const address of ['10.0.0.100/32', '2001:db8::100/128']) {
  test(`${address}: to signed adverts, to another key and back, step by step, though one node hears of each late and clocks differ by seconds`, async () => {
    for (const seed of [1, 2, 3]) {
      const world = worldOf(seed, address)
      for (const [i, { kernel }] of world.machines.entries()) kernel.wallClockOff += 1500 * (i - 1)
      await world.run(8000)
      const [master = ''] = nodes(world, 'MASTER')
      const [backup = ''] = nodes(world, 'BACKUP')
      const before = transitions(world)
      for (const [i, hmac] of [...STEPS.slice(1), ...BACK, ...STEPS.slice(1)].entries()) {
        const late = (seed + i) % 2 === 0 ? master : backup
        world.plane.setCutOff(late, true)
        world.edit('web', web(address, hmac))
        await world.run(4000)
        assert.deepEqual(transitions(world), before, told(world))
        world.plane.setCutOff(late, false)
        await world.run(6000)
        assert.deepEqual(transitions(world), before, told(world))
        assert.deepEqual(authentications(world), [JSON.stringify(hmac?.keys), JSON.stringify(hmac?.keys)], told(world))
      }
      const crashed = world.machines.find(({ kernel }) => kernel.name === master) ?? assert.fail(told(world))
      world.kill(crashed)
      await world.run(2000)
      assert.deepEqual(nodes(world, 'MASTER'), [backup], told(world))
      assert.equal(world.violation, undefined)
    }
  })
}

test('mode Permissive tells of what Enforce would refuse, for as long as it is so; ReceiveOnly takes unsigned adverts for granted', async () => {
  const world = worldOf(1, '10.0.0.100/32', { keys: [ONE], mode: 'ReceiveOnly' })
  await world.run(8000)
  const [master = ''] = nodes(world, 'MASTER')
  assert.deepEqual(observed(world), [])
  world.plane.setCutOff(master, true)
  world.edit('web', web('10.0.0.100/32', { keys: [ONE], mode: 'Permissive' }))
  await world.run(4000)
  assert.deepEqual(observed(world), [
    'AuthenticationMismatch: adverts from 10.0.0.1 would be refused with mode Enforce: it is not signed; give both the same authentication, with the same keys under the same IDs',
  ])
  world.plane.setCutOff(master, false)
  await world.run(10_000)
  assert.deepEqual(observed(world), [])
  assert.equal(world.violation, undefined)
})

function observed(world: World): string[] {
  return world.machines
    .flatMap(({ process }) => process?.loop?.status() ?? [])
    .flatMap(({ observations = [] }) => observations.map(({ reason, message }) => `${reason}: ${message}`))
}

function web(address: string, hmac: HMACAuthentication | undefined): VirtualIPSpec {
  const authentication = hmac && ({ type: 'HMAC', secretRef: { name: 'vrrp' }, hmac } as const)
  return {
    addresses: [address],
    interface: { name: 'eth0' },
    redundancy: 2,
    ...(authentication && { authentication }),
  }
}

function worldOf(seed: number, address: string, hmac?: HMACAuthentication): World {
  const slow = { tick: 4, delay: 1, jitter: 2, lateness: 5, callTime: 0.1 }
  const virtualIPs = { web: web(address, hmac) }
  return new World({ seed, machines: 3, virtualIPs, handover: 29_000, hasFence: true, ...slow }, true)
}

/** Those whose agents say that they are in this state. */
function nodes(world: World, wanted: 'MASTER' | 'BACKUP'): string[] {
  return world.machines.flatMap(({ kernel, process }) =>
    process && !process.isDead
      ? (process.loop?.status() ?? []).flatMap(({ state }) => (state === wanted ? [kernel.name] : []))
      : [],
  )
}

/** The keys that each of those that take part was told of. */
function authentications(world: World): (string | undefined)[] {
  return world.machines.flatMap(({ process }) =>
    (process?.loop?.told ?? []).map(({ authentication }) => JSON.stringify(authentication?.hmac?.keys)),
  )
}

function transitions(world: World): string[] {
  return (world.transcript ?? []).filter(line => / -> (MASTER|BACKUP|FAULT|INITIALIZE)/.test(line))
}

function told(world: World): string {
  return (world.transcript ?? []).join('\n')
}
