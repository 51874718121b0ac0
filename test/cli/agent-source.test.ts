import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { serveStatus } from '../../src/agent/status-socket.ts'
import { agentSource } from '../../src/cli/agent-source.ts'
import type { StatusEntry } from '../../src/cli/status-source.ts'

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'agent.sock')
}

test('it lists what the agent says, and a watch hears when that changes', { timeout: 20_000 }, async t => {
  const path = socketPath(t)
  let master = 'node1'
  const server = await serveStatus({ path, status: () => [{ name: 'web', status: { master } }] })
  t.after(() => server.close())
  const source = agentSource(path)
  assert.deepEqual(await source.list(), [{ name: 'web', status: { master: 'node1' } }])

  const heard: (string | undefined)[] = []
  const ending = new AbortController()
  const onChange = ([web]: readonly StatusEntry[]) => {
    heard.push(web?.status.master)
    if (master === 'node2') ending.abort()
    master = 'node2'
  }
  await source.watch(onChange, ending.signal)
  assert.deepEqual(heard, ['node1', 'node2'])
})

test('without an agent it is a sentence that says what to look at', async t => {
  const path = socketPath(t)
  await assert.rejects(agentSource(path).list(), {
    message: `Cannot ask the agent at ${path}: ENOENT (is an agent running on this node, with this --state-dir and --instance?)`,
  })
})

test('an agent that does not answer is not waited for', { timeout: 20_000 }, async t => {
  const path = socketPath(t)
  const silent = createServer(() => {}).listen(path)
  t.after(() => silent.close())
  const begun = performance.now()
  await assert.rejects(agentSource(path).list(), /^Error: Cannot ask the agent at .*: .*\(see its log\)$/)
  assert.ok(performance.now() - begun < 10_000)
})

test('an answer that is no JSON is a sentence too', async t => {
  const path = socketPath(t)
  const server = createServer(connection => {
    connection.on('error', () => {})
    connection.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
  }).listen(path)
  t.after(() => server.close())
  await assert.rejects(agentSource(path).list(), /^Error: Cannot ask the agent at .*\(see its log\)$/)
})
