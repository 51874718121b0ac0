import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { serveStatus } from '../../src/agent/status-socket.ts'

const { PATH } = process.env
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A node without a cluster: an empty home, and a state folder. */
function plainNode(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'node1'))
  const socket = join(folder, 'node1', 'agent.sock')
  const status = async (...args: string[]) => {
    const flags = ['status', '--node', 'node1', '--state-dir', folder, ...args]
    const child = spawn(process.execPath, [MAIN, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME: folder },
    })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    return { code, stdout, stderr }
  }
  return { folder, socket, status }
}

test('on a node without a cluster the agent is asked', async t => {
  const { socket, status } = plainNode(t)
  const web = { name: 'web', status: { master: 'node1', virtualRouterID: 51 } }
  const server = await serveStatus({ path: socket, status: () => [web] })
  t.after(() => server.close())
  const json = await status('-o', 'json')
  assert.deepEqual([json.code, JSON.parse(json.stdout), json.stderr], [0, [web], ''])
  const table = await status('web')
  assert.match(table.stdout, /^NAME +ADDRESS +MASTER .*\nweb +- +node1 +- +- +51 +- +-\n$/)
})

test('without an agent and without a cluster, what to do is said and the exit status is 1', async t => {
  const { folder, socket, status } = plainNode(t)
  const { code, stdout, stderr } = await status()
  assert.deepEqual([code, stdout], [1, ''])
  assert.equal(
    stderr,
    `Cannot find a kubeconfig: ${folder}/.kube/config does not exist (use --kubeconfig FILE or set KUBECONFIG); ` +
      `Cannot ask the agent at ${socket}: ENOENT (is an agent running on this node, with this --state-dir and --instance?)\n`,
  )
})

test('with a kubeconfig given it is the API server or nobody', async t => {
  const { folder, socket, status } = plainNode(t)
  const server = await serveStatus({ path: socket, status: () => [] })
  t.after(() => server.close())
  const { code, stderr } = await status('--kubeconfig', join(folder, 'missing'))
  assert.equal(code, 1)
  assert.match(stderr, /^Cannot read kubeconfig .*missing: ENOENT .*\n$/)
})
