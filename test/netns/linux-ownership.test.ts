import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { formatPrefix } from '../../src/lib/ip-address.ts'
import { type LinkAddress, watchLinks } from '../../src/linux/links.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const HOLDER = new URL('holder.ts', import.meta.url).pathname
const lan = openLan({ bridge: 'br-owner' })
const running = new Set<ChildProcess>()
let node: LabNode
let root = ''

before(() => {
  node = lan.addNode({ name: 'owner1', addresses: ['10.9.5.1/24'] })
})

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holder-'))
})

afterEach(async () => {
  for (const holder of running) await kill(holder)
  rmSync(root, { recursive: true })
  node.run('ip', 'address', 'flush', 'dev', 'eth0', 'scope', 'global')
  node.run('ip', 'address', 'add', '10.9.5.1/24', 'dev', 'eth0')
})

after(() => lan.close())

for (const evidence of ['mark', 'list'] as const) {
  describe(`by ${evidence}`, () => {
    test('what a killed agent left is swept by its next process, and nothing else', async () => {
      node.run('ip', 'address', 'add', '10.9.5.6/32', 'dev', 'eth0')
      await kill(await hold('node1', evidence, ['10.9.5.5/24', 'fd09:5::5/128']))
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.6/32', '10.9.5.5/24', 'fd09:5::5/128'])

      await hold('node1', evidence, [])
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.6/32'])
    })

    test('what it left and still wants stays without a gap', async () => {
      await kill(await hold('node1', evidence, ['10.9.5.5/32', '10.9.5.7/32']))
      await hold('node1', evidence, ['10.9.5.5/32'])
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.5/32'])
    })

    test('two instances on one machine never touch what the other holds, or held when it was killed', async () => {
      const [first, second] = [
        await hold('node1', evidence, ['10.9.5.5/32']),
        await hold('node2', evidence, ['10.9.5.6/32']),
      ]
      await kill(first)
      await kill(second)
      await kill(await hold('node2', evidence, []))
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.5/32'])
      await hold('node1', evidence, ['10.9.5.7/32'])
      await hold('node2', evidence, [])
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.7/32'])
    })

    test('an address that someone else put there serves, and stays when it is not wanted any more', async () => {
      node.run('ip', 'address', 'add', '10.9.5.5/32', 'dev', 'eth0')
      await kill(await hold('node1', evidence, ['10.9.5.5/32']))
      await hold('node1', evidence, [])
      assert.deepEqual(await present(), ['10.9.5.1/24', '10.9.5.5/32'])
    })
  })
}

/** A process that holds these addresses, and no others. */
async function hold(instance: string, evidence: string, prefixes: readonly string[]): Promise<ChildProcess> {
  const holder = node.spawn(process.execPath, [HOLDER, join(root, instance), evidence, 'eth0', ...prefixes], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(holder)
  assert.ok(holder.stdout)
  const [line] = await once(holder.stdout.setEncoding('utf8'), 'data')
  const errors: unknown[] = JSON.parse(line)
  assert.ok(
    errors.every(error => error === null),
    line,
  )
  return holder
}

async function kill(holder: ChildProcess): Promise<void> {
  running.delete(holder)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
}

/** Addresses of eth0 besides link-local ones. */
async function present(): Promise<string[]> {
  const table = await inNamespace('owner1', () => watchLinks(() => {}))
  table.close()
  const link = [...table.links.values()].find(({ name }) => name === 'eth0')
  const isGlobal = ({ scope }: LinkAddress) => scope === 0
  return link?.addresses.filter(isGlobal).map(({ prefix }) => formatPrefix(prefix)) ?? []
}
