/* Fifty checks that hang, on 255 virtual routers: the adverts go on, and nothing piles up. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Check } from '../../src/api/check.ts'
import { transitions } from '../lab/agent-view.ts'
import { eventually, scratchFolder, startAgent } from '../lab/daemons.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const [ROUTERS, CHECKS, EACH] = [255, 50, 10]

test('fifty checks that hang on 255 virtual routers: no two runs of one at once, no more runs than checks, and nobody takes over', async t => {
  const { node } = testLan(t, 'hanging')
  const [node1, node2] = [node(), node()]
  const folder = scratchFolder()
  // The lock is held for as long as the run lives, which no SIGTERM ends. Every run writes one byte.
  const hangs = (i: number) =>
    `exec 9>${folder}/lock-${i}; flock -n 9 || echo ${i} >>${folder}/overlaps; printf . >>${folder}/runs-${i}; trap '' TERM; sleep 60; sleep 60`
  const checks = Array.from({ length: CHECKS }, (_, i): Check => {
    const timing = { interval: '200ms', timeout: '500ms', weight: -1 }
    if (i % 5 === 0) return { name: `far-${i}`, tcp: { host: `10.1.0.${100 + i}`, port: 80 }, ...timing }
    return { name: `stuck-${i}`, exec: { command: ['/bin/sh', '-c', hangs(i)] }, ...timing }
  })
  const file = (theirs: readonly Check[]) =>
    stream(
      ...Array.from({ length: ROUTERS }, (_, i) =>
        virtualIP(`vip-${i + 1}`, {
          addresses: [`10.1.${1 + (i >> 7)}.${1 + (i & 127)}`],
          interface: { name: 'eth0' },
          virtualRouterID: i + 1,
          advertisementInterval: '1s',
          priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
          checks: theirs.length === 0 ? [] : Array.from({ length: EACH }, (_, j) => at(theirs, i * EACH + j)),
        }),
      ),
    )
  const master = startAgent(node1, { file: file([]) })
  const masters = () => transitions(master).filter(line => line.includes('-> MASTER')).length
  await eventually('it is MASTER of all', () => masters() === ROUTERS, { within: 60_000, daemons: [master] })
  const backup = startAgent(node2, { file: file([]) })
  const backups = () => transitions(backup).filter(line => line.includes('-> BACKUP')).length
  await eventually('the other stands by for all', () => backups() === ROUTERS, { within: 60_000, daemons: [backup] })

  writeFileSync(master.file, file(checks))
  const runs = () => checks.map((_, i) => sizeOf(`${folder}/runs-${i}`)).filter((_, i) => i % 5 !== 0)
  await eventually('each has run twice', () => runs().every(count => count >= 2), { within: 60_000, daemons: [master] })
  await sleep(1000)
  assert.equal(existsSync(`${folder}/overlaps`), false, 'a run that has begun while the one before it went on')
  const living = node1.run('sh', '-c', `for lock in ${folder}/lock-*; do flock -n $lock echo || echo held; done`)
  assert.ok(living.split('\n').filter(line => line === 'held').length <= CHECKS)
  assert.equal(masters(), ROUTERS, 'the MASTER has remained so')
  assert.deepEqual(
    transitions(backup).filter(line => line.includes('BACKUP -> ')),
    [],
    'and no advert was missed for long',
  )
  assert.equal(await master.stop(), 0)
})

function at(checks: readonly Check[], i: number): Check {
  return checks[i % checks.length] ?? assert.fail()
}

function sizeOf(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').length : 0
}
