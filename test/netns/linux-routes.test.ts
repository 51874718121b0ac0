import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import { Routes } from '../../src/linux/routes.ts'
import { scratchFolder } from '../lab/daemons.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const lan = openLan({ bridge: 'br-routes' })
let node: LabNode
let routes: Routes
let eth0: number

before(async () => {
  node = lan.addNode({ name: 'routes1', addresses: ['10.9.2.1/24', 'fd09:2::1/64'] })
  eth0 = Number(node.run('cat', '/sys/class/net/eth0/ifindex'))
  node.run('ip', 'route', 'add', 'default', 'via', '10.9.2.254')
  node.run('ip', 'route', 'add', '10.20.0.0/16', 'via', '10.9.2.2', 'metric', '10')
  node.run('ip', 'route', 'add', '10.20.0.0/16', 'via', '10.9.2.3', 'metric', '20')
  node.run('ip', 'route', 'add', '10.21.0.0/16', 'via', '10.9.2.2', 'table', '100')
  node.run('ip', 'route', 'add', 'blackhole', '10.22.0.0/16')
  node.run('ip', '-6', 'route', 'add', '2001:db8::/32', 'via', 'fe80::1', 'dev', 'eth0')
  routes = new Routes()
  // Its socket is opened by the first question.
  await inNamespace('routes1', async () => find('10.9.2.0/24'))
})

after(() => {
  routes.close()
  lan.close()
})

async function find(text: string): Promise<string[]> {
  const hops = await routes.find(parsePrefix(text) ?? assert.fail())
  return hops.map(({ linkIndex, gateway }) => `${linkIndex === eth0 ? 'eth0' : linkIndex} ${gateway?.text ?? '-'}`)
}

test('a route is found by its network, with its link and gateway', async () => {
  assert.deepEqual(await find('10.9.2.0/24'), ['eth0 -'])
  assert.deepEqual(await find('0.0.0.0/0'), ['eth0 10.9.2.254'])
  assert.deepEqual(await find('10.20.0.0/16'), ['eth0 10.9.2.2', 'eth0 10.9.2.3'])
  assert.deepEqual(await find('2001:db8::/32'), ['eth0 fe80::1'])
})

test('a larger or a smaller network, another table and a route that leads nowhere are no such route', async () => {
  for (const text of ['10.9.2.0/25', '10.0.0.0/8', '10.21.0.0/16', '10.22.0.0/16', '::/0', '10.9.2.1/32']) {
    assert.deepEqual(await find(text), [], text)
  }
})

test('a route that comes and goes is found and not', async () => {
  node.run('ip', 'route', 'add', '10.30.0.0/16', 'dev', 'eth0')
  assert.deepEqual(await find('10.30.0.0/16'), ['eth0 -'])
  node.run('ip', 'route', 'delete', '10.30.0.0/16')
  assert.deepEqual(await find('10.30.0.0/16'), [])
})

test('very many routes are read in very many turns of the event loop, and questions of one turn share a reading', async () => {
  const batch = Array.from({ length: 20_000 }, (_, i) => `route add 11.${i >> 8}.${i & 255}.0/24 via 10.9.2.2`)
  const file = join(scratchFolder(), 'routes')
  writeFileSync(file, batch.join('\n'))
  node.run('ip', '-batch', file)
  const turns = async (work: Promise<unknown>) => {
    let count = 0
    let isDone = false
    const next = () => {
      count++
      if (!isDone) setImmediate(next)
    }
    setImmediate(next)
    await work
    isDone = true
    return count
  }
  const one = await turns(find('11.78.31.0/24'))
  assert.ok(one > 30, `${one} turns`)
  const questions = Array.from({ length: 50 }, (_, i) => find(`11.10.${i}.0/24`))
  const fifty = await turns(Promise.all(questions))
  assert.ok(fifty < 3 * one, `${fifty} turns for fifty, ${one} for one`)
  assert.deepEqual(new Set((await Promise.all(questions)).flat()), new Set(['eth0 10.9.2.2']))
})

test('closed, it answers nobody any more', async () => {
  const question = find('10.9.2.0/24')
  routes.close()
  await assert.rejects(question, /Cannot read routes: ECANCELED/)
})
