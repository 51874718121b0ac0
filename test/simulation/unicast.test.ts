/* Whole agents and the controller's plan on a virtual wire: a change of who speaks to whom, and how, is no change of MASTER. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Transport } from '../../src/api/transport.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { World } from './world.ts'

const SEEDS = [1, 2, 3, 4, 5]
const UNICAST: Transport = { mode: 'Unicast' }
/** No node here has an IPv6 address but its link-local one, which nobody reports. */
const UNICAST_BY_HAND: Transport = {
  mode: 'Unicast',
  peers: [1, 2, 3].map(i => ({ node: `node${i}`, address: `fe80::${i}` })),
}

for (const [address, unicast] of [
  ['10.0.0.100/32', UNICAST],
  ['2001:db8::100/128', UNICAST_BY_HAND],
] as const) {
  for (const [from, to] of [
    [undefined, unicast],
    [unicast, undefined],
  ] as const) {
    const name = (transport: object | undefined) => (transport ? 'unicast' : 'multicast')
    test(`${address}, from ${name(from)} to ${name(to)}: nobody notices, though one hears of it late; then a crash is noticed by the new one`, async () => {
      for (const seed of SEEDS) {
        const world = worldOf(seed, web(2, from, address))
        await world.run(8000)
        const [master = ''] = masters(world)
        const [backup = ''] = members(world).flatMap(({ node }) => (node === master ? [] : [node]))
        const before = transitions(world)
        const late = seed % 2 === 0 ? master : backup
        world.plane.setCutOff(late, true)
        world.edit('web', web(2, to, address))
        await world.run(5000)
        assert.deepEqual(transitions(world), before, told(world))
        world.plane.setCutOff(late, false)
        await world.run(8000)
        assert.deepEqual(transitions(world), before, told(world))
        assert.equal(isByUnicast(world), to !== undefined, told(world))
        const crashed = world.machines.find(({ kernel }) => kernel.name === master) ?? assert.fail(told(world))
        world.kill(crashed)
        await world.run(2000)
        assert.deepEqual(masters(world), [backup], told(world))
        assert.equal(world.violation, undefined)
      }
    })
  }
}

test('a node that joins those who speak unicast, and one that leaves them, are no change of MASTER', async () => {
  for (const seed of SEEDS) {
    const world = worldOf(seed, web(1, UNICAST))
    await world.run(8000)
    const [master] = masters(world)
    for (const redundancy of [2, 3, 2, 3]) {
      world.edit('web', web(redundancy, UNICAST))
      await world.run(6000)
      assert.deepEqual(masters(world), [master], told(world))
      assert.equal(members(world).length, redundancy, told(world))
    }
    assert.deepEqual(
      transitions(world).filter(line => line.includes(` ${master} `) && line.includes('MASTER -> ')),
      [],
      told(world),
    )
    assert.equal(world.violation, undefined)
  }
})

test('where the MASTER does not reach the API server, a node that is to join waits until it does', async () => {
  for (const seed of SEEDS) {
    const world = worldOf(seed, web(2, UNICAST))
    await world.run(8000)
    const [master = ''] = masters(world)
    world.plane.setCutOff(master, true)
    world.edit('web', web(3, UNICAST))
    await world.run(20_000)
    assert.equal(members(world).length, 2, told(world))
    assert.deepEqual(masters(world), [master], told(world))
    world.plane.setCutOff(master, false)
    await world.run(10_000)
    assert.equal(members(world).length, 3, told(world))
    assert.deepEqual(masters(world), [master], told(world))
    assert.equal(world.violation, undefined)
  }
})

function web(redundancy: number, transport: Transport | undefined, address = '10.0.0.100/32'): VirtualIPSpec {
  return { addresses: [address], interface: { name: 'eth0' }, redundancy, ...(transport && { transport }) }
}

function worldOf(seed: number, spec: VirtualIPSpec): World {
  const slow = { tick: 4, delay: 1, jitter: 2, lateness: 5, callTime: 0.1 }
  return new World({ seed, machines: 3, virtualIPs: { web: spec }, handover: 29_000, hasFence: true, ...slow }, true)
}

/** Nodes whose agents say that they are MASTER. */
function masters(world: World): string[] {
  return members(world).flatMap(({ node, state }) => (state === 'MASTER' ? [node] : []))
}

function members(world: World): { node: string; state: string }[] {
  return world.machines.flatMap(({ kernel, process }) =>
    process && !process.isDead ? (process.loop?.status() ?? []).map(({ state }) => ({ node: kernel.name, state })) : [],
  )
}

function isByUnicast(world: World): boolean {
  const told = world.machines.flatMap(({ process }) => process?.loop?.told ?? [])
  return told.length > 0 && told.every(({ unicast }) => unicast !== undefined && unicast.multicast === undefined)
}

function transitions(world: World): string[] {
  return (world.transcript ?? []).filter(line => / -> (MASTER|BACKUP|FAULT|INITIALIZE)/.test(line))
}

function told(world: World): string {
  return (world.transcript ?? []).join('\n')
}
