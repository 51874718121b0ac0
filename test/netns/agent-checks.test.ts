/* What an agent makes of its checks. (The guide's own, `process` with a weight, is in agent-guide.) */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Check } from '../../src/api/check.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo, rowOf, says, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, type Daemon, eventually, holders, scratchFolder, start, startAgent } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

describe('a check', { concurrency: 4 }, () => {
  test('without a weight that fails is a FAULT with the last line of its command; when it passes again so does the address', async t => {
    const { node } = testLan(t, 'fault')
    const well = `${scratchFolder()}/well`
    writeFileSync(well, '')
    const { master, backup } = await pair(node(), node(), well)
    rmSync(well)
    const { message } = await comesTo(master, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check well fails: exit status 1: it is unwell')
    await comesTo(backup, 'MASTER')
    await alone(backup, [master, backup])
    writeFileSync(well, '')
    await comesTo(master, 'MASTER')
    await alone(master, [master, backup])
  })

  test('that has no result yet keeps its node out, and says which it is', async t => {
    const node1 = testLan(t, 'pending').node()
    const go = `${scratchFolder()}/go`
    const check: Check = {
      name: 'slow',
      ...command(`until [ -e ${go} ]; do sleep 0.05; done`),
      timeout: '1m',
      interval: '200ms',
    }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'INITIALIZE', { reason: 'WaitingForCheck' })
    assert.equal(message, 'Check slow has no result yet')
    await sleep(1500)
    assert.deepEqual(transitions(agent), [], 'however long it takes')
    writeFileSync(go, '')
    await comesTo(agent, 'MASTER')
  })

  test('that hangs is ended at its time limit and has failed; two of its runs never overlap', async t => {
    const node1 = testLan(t, 'hang').node()
    const folder = scratchFolder()
    // The lock is held for as long as any process of the run lives: here a child that ignores SIGTERM.
    const run = `exec 9>${folder}/lock; flock -n 9 || echo overlap >>${folder}/runs; echo run >>${folder}/runs; trap '' TERM; sleep 60; sleep 60`
    const check: Check = { name: 'stuck', ...command(run), timeout: '300ms', interval: '300ms' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check stuck fails: took longer than 300ms')
    const runs = () => (existsSync(`${folder}/runs`) ? readFileSync(`${folder}/runs`, 'utf8').trim().split('\n') : [])
    await eventually('it has run three times', () => runs().length >= 3, { daemons: [agent] })
    assert.ok(!runs().includes('overlap'))
    assert.equal(await agent.stop(), 0, 'a stuck command does not keep the agent')
    await eventually(
      'nor does it outlive the agent',
      () => node1.run('sh', '-c', `flock -n ${folder}/lock echo free || true`).trim() === 'free',
    )
  })

  test('of positive weight raises the priority while it passes, and needs `rise` passes and `fall` failures in a row', async t => {
    const node1 = testLan(t, 'weight').node()
    const folder = scratchFolder()
    // Passes as often as there are files to use up.
    const check: Check = {
      name: 'bonus',
      ...command(`echo run >>${folder}/runs; [ -e ${folder}/pass ]`),
      interval: '100ms',
      weight: 20,
      rise: 3,
      fall: 3,
    }
    const runs = () => readFileSync(`${folder}/runs`, 'utf8').trim().split('\n').length
    const agent = startAgent(node1, { file: file({ [node1.name]: 100 }, [check]) })
    const priorityIs = (priority: number) =>
      eventually(`its priority is ${priority}`, async () => (await rowOf(agent, 'web'))?.priority === priority, {
        daemons: [agent],
      })
    await comesTo(agent, 'MASTER')
    await priorityIs(100)
    const told = transitions(agent).length
    let before = runs()
    writeFileSync(`${folder}/pass`, '')
    await priorityIs(120)
    assert.ok(runs() - before >= 3, 'three passes')
    before = runs()
    rmSync(`${folder}/pass`)
    await priorityIs(100)
    assert.ok(runs() - before >= 3, 'three failures')
    assert.deepEqual(transitions(agent).slice(told), [], 'MASTER throughout')
  })

  test('whose command does not exist fails, and says so', async t => {
    const node1 = testLan(t, 'nocmd').node()
    const check: Check = { name: 'gone', exec: { command: ['/nowhere/check'] }, interval: '200ms' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check gone fails: Cannot run /nowhere/check: ENOENT')
  })

  test('by HTTP moves the address away from a node whose server answers 500, and back when it is well again', async t => {
    const { node } = testLan(t, 'http')
    const [node1, node2] = [node(), node()]
    const web = server(node1)
    const byNode = { [node1.name]: 200, [node2.name]: 100 }
    const check: Check = { name: 'web', http: { port: 8080, path: '/healthz' }, interval: '200ms', timeout: '2s' }
    const master = startAgent(node1, { file: file(byNode, [check]) })
    await comesTo(master, 'MASTER')
    const backup = startAgent(node2, { file: file(byNode, []) })
    await comesTo(backup, 'BACKUP')
    web.answers(500)
    const unwell = await comesTo(master, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(unwell.message, 'Check web fails: GET http://127.0.0.1:8080/healthz: 500')
    await alone(backup, [master, backup])
    web.answers(200)
    await alone(master, [master, backup])
    await web.daemon.stop()
    const gone = await comesTo(master, 'FAULT', { reason: 'CheckFailed' })
    assert.match(
      gone.message ?? '',
      /^Check web fails: GET http:\/\/127\.0\.0\.1:8080\/healthz: (ECONNREFUSED|ECONNRESET)$/,
    )
    await alone(backup, [master, backup])
  })

  test('by TCP passes while its port is open', async t => {
    const node1 = testLan(t, 'tcp').node()
    // The one port that the kernel may give to who connects is the one that is connected to: without a listener it would meet itself.
    node1.run('sysctl', '-qw', 'net.ipv4.ip_local_port_range=8080 8080')
    const check: Check = { name: 'port', tcp: { port: 8080 }, interval: '200ms', timeout: '2s' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check port fails: Cannot connect to 127.0.0.1:8080: ECONNREFUSED')
    node1.run('sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999')
    const web = server(node1)
    await comesTo(agent, 'MASTER')
    await web.daemon.stop()
    await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
  })

  test('of a host that is silent fails at its time limit', async t => {
    const node1 = testLan(t, 'silent').node()
    const check: Check = { name: 'far', tcp: { host: '10.1.0.77', port: 80 }, interval: '200ms', timeout: '500ms' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check far fails: Cannot connect to 10.1.0.77:80: no answer within 500ms')
  })

  test('of another link fails as soon as that is down, however rarely it is looked at, and passes when it is up', async t => {
    const node1 = testLan(t, 'uplink').node()
    node1.run('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'other-end')
    const check: Check = { name: 'uplink', link: { name: 'uplink' }, interval: '1h' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check uplink fails: Link uplink is down (ip link set uplink up)')
    node1.run('ip', 'link', 'set', 'uplink', 'up')
    node1.run('ip', 'link', 'set', 'other-end', 'up')
    await comesTo(agent, 'MASTER')
    node1.run('ip', 'link', 'delete', 'uplink')
    await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
  })

  test('of a route passes while that is there', async t => {
    const node1 = testLan(t, 'route').node()
    const check: Check = {
      name: 'route',
      route: { destination: '10.77.0.0/16', link: 'eth0' },
      interval: '200ms',
      timeout: '5s',
    }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check route fails: There is no route to 10.77.0.0/16 on eth0')
    node1.run('ip', 'route', 'add', '10.77.0.0/16', 'dev', 'eth0')
    await comesTo(agent, 'MASTER')
    node1.run('ip', 'route', 'delete', '10.77.0.0/16')
    await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
  })

  test('of a file with a weight moves the priority by the number in it', async t => {
    const node1 = testLan(t, 'file').node()
    const path = `${scratchFolder()}/load`
    writeFileSync(path, '30')
    const check: Check = { name: 'load', file: { path }, weight: -2, interval: '200ms', timeout: '5s' }
    const agent = startAgent(node1, { file: file({ [node1.name]: 200 }, [check]) })
    await eventually('priority 140', async () => (await rowOf(agent, 'web'))?.priority === 140)
    writeFileSync(path, '200')
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check load fails: 200 times its weight is -400, which is a FAULT below -253')
    writeFileSync(path, '0')
    await comesTo(agent, 'MASTER')
    assert.equal((await rowOf(agent, 'web'))?.priority, 200)
  })

  test('that is added, changed and removed under a running MASTER takes effect without a flap', async t => {
    const node1 = testLan(t, 'change').node()
    const go = `${scratchFolder()}/go`
    const byNode = { [node1.name]: 200 }
    const agent = startAgent(node1, { file: file(byNode, []) })
    await comesTo(agent, 'MASTER')
    const told = transitions(agent).length
    const slow: Check = {
      name: 'slow',
      ...command(`until [ -e ${go} ]; do sleep 0.05; done`),
      timeout: '1m',
      interval: '200ms',
    }
    writeFileSync(agent.file, file(byNode, [slow]))
    await says(agent, `Read ${agent.file}`)
    await sleep(1000)
    assert.deepEqual(transitions(agent).slice(told), [], 'no result yet is no failure of one that runs')
    writeFileSync(agent.file, file(byNode, [{ ...slow, ...command('echo really not; false') }]))
    const { message } = await comesTo(agent, 'FAULT', { reason: 'CheckFailed' })
    assert.equal(message, 'Check slow fails: exit status 1: really not')
    writeFileSync(agent.file, file(byNode, []))
    await comesTo(agent, 'MASTER')
  })
})

/** An HTTP server on port 8080 of a node, and how it answers from now on (at first 200). */
function server(node: LabNode): { daemon: Daemon; answers(code: number): void } {
  const code = `${scratchFolder()}/code`
  const answers = (status: number) => writeFileSync(code, `${status}`)
  answers(200)
  const program = `
    const { createServer } = require('node:http')
    const { readFileSync } = require('node:fs')
    const code = () => Number(readFileSync(process.argv[1]))
    createServer((request, response) => response.writeHead(code()).end()).listen(8080)`
  return { daemon: start(node, 'node', ['-e', program, code]), answers }
}

/** node1, of priority 200, is MASTER while the file `well` is there; node2, of 100, is BACKUP and has no check of its own. */
async function pair(
  node1: LabNode,
  node2: LabNode,
  well: string,
): Promise<{ master: AgentDaemon; backup: AgentDaemon }> {
  const check: Check = {
    name: 'well',
    ...command(`[ -e ${well} ] || { echo it is unwell; exit 1; }`),
    interval: '200ms',
  }
  const byNode = { [node1.name]: 200, [node2.name]: 100 }
  const master = startAgent(node1, { file: file(byNode, [check]) })
  await comesTo(master, 'MASTER')
  const backup = startAgent(node2, { file: file(byNode, []) })
  await comesTo(backup, 'BACKUP')
  return { master, backup }
}

function command(script: string): Pick<Check, 'exec'> {
  return { exec: { command: ['/bin/sh', '-c', script] } }
}

async function alone(holder: AgentDaemon, agents: readonly AgentDaemon[]): Promise<void> {
  const nodes = agents.map(({ node }) => node)
  await eventually(
    `${holder.node.name} alone holds it`,
    () => holders(nodes, '10.1.0.100').join() === holder.node.name,
    {
      daemons: agents,
    },
  )
}

function file(byNode: Record<string, number>, checks: Check[]): string {
  const spec: VirtualIPSpec = {
    addresses: ['10.1.0.100/24'],
    interface: { name: 'eth0' },
    virtualRouterID: 51,
    priorities: priorities(byNode),
    advertisementInterval: '300ms',
    checks,
  }
  return stream(virtualIP('web', spec))
}
