import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressProbes } from '../../src/agent/address-probes.ts'

/** Who is asked for at what moment, until then. */
function run(probes: AddressProbes, until: number): string[] {
  const asked: string[] = []
  for (let at = probes.next(); at !== undefined && at <= until; at = probes.next()) {
    const key = probes.take(at)
    assert.ok(key !== undefined, `nothing to ask at ${at}`)
    asked.push(`${at} ${key}`)
  }
  return asked
}

test('each MASTER asks every 2 s, first when its predecessor has had time to go', () => {
  const probes = new AddressProbes()
  assert.equal(probes.next(), undefined)
  probes.begin('a', 1, 0)
  probes.begin('b', 1, 500)
  assert.equal(probes.take(1999), undefined)
  assert.deepEqual(run(probes, 5000), ['2000 a', '2500 b', '4000 a', '4500 b'])
  probes.end('a')
  assert.deepEqual(run(probes, 7000), ['6500 b'])
})

test('a node with very many addresses asks for 50 a second at most, for each as often as for the others', () => {
  const probes = new AddressProbes()
  for (let i = 0; i < 300; i++) probes.begin(`${i}`, 2, 0)
  assert.equal(probes.round, 12_000)
  const asked = run(probes, 26_000)
  assert.ok(asked.length <= 25 * 24 + 1 && asked.length >= 590, `${asked.length}`)
  const counts = Map.groupBy(asked, text => text.split(' ')[1])
  assert.equal(counts.size, 300)
  for (const [key, times] of counts) assert.ok(times.length === 2 || times.length === 3, `${key}: ${times}`)
})

test('who becomes MASTER again begins anew', () => {
  const probes = new AddressProbes()
  probes.begin('a', 4, 0)
  probes.begin('a', 4, 1000)
  assert.deepEqual(run(probes, 3000), ['3000 a'])
  probes.end('a')
  assert.equal(probes.next(), undefined)
  assert.equal(probes.round, 2000)
})
