import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { serveStatus } from '../../src/agent/status-socket.ts'

const UMASK = process.umask()

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'agent.sock')
}

async function ask(socketPath: string, path = '/status', method = 'GET') {
  const sent = request({ socketPath, path, method }).end()
  const [response] = await once(sent, 'response')
  return [response.statusCode, JSON.parse(await text(response))]
}

test('GET /status is what the agent says now, and nothing else is answered', async t => {
  const path = socketPath(t)
  let state = 'BACKUP'
  const server = await serveStatus({ path, status: () => [{ state }] })
  t.after(() => server.close())
  assert.deepEqual(await ask(path), [200, [{ state: 'BACKUP' }]])
  state = 'MASTER'
  assert.deepEqual(await ask(path), [200, [{ state: 'MASTER' }]])
  assert.deepEqual((await ask(path, '/other'))[0], 404)
  assert.deepEqual((await ask(path, '/status', 'POST'))[0], 404)
})

test('only its own user may ask, from the moment the socket is there', async t => {
  const path = socketPath(t)
  const serving = serveStatus({ path, status: () => [] })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(process.umask(), UMASK)
  const server = await serving
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await server.close()
})

test('closed, the socket is gone', async t => {
  const path = socketPath(t)
  const server = await serveStatus({ path, status: () => [] })
  await server.close()
  assert.equal(existsSync(path), false)
})

test('a socket that a killed agent left behind is replaced', async t => {
  const path = socketPath(t)
  const program = `
    import { serveStatus } from '${new URL('../../src/agent/status-socket.ts', import.meta.url)}'
    await serveStatus({ path: '${path}', status: () => 'the first' })
    console.log('serves')`
  const first = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => first.kill('SIGKILL'))
  await once(first.stdout, 'data')
  await assert.rejects(serveStatus({ path, status: () => 'the second' }), {
    message: `Cannot serve the status at ${path}: another agent runs here (give each its own --instance)`,
  })
  assert.deepEqual(await ask(path), [200, 'the first'])
  first.kill('SIGKILL')
  await once(first, 'exit')
  assert.ok(existsSync(path))
  const second = await serveStatus({ path, status: () => 'the second' })
  t.after(() => second.close())
  assert.deepEqual(await ask(path), [200, 'the second'])
})

test('a place where no socket can be is refused with a sentence', async t => {
  const path = socketPath(t)
  const missing = join(path, '..', 'missing', 'agent.sock')
  await assert.rejects(serveStatus({ path: missing, status: () => [] }), {
    message: `Cannot serve the status at ${missing}: EACCES (choose another --state-dir)`,
  })
  const long = `${path}${'x'.repeat(100)}`
  await assert.rejects(serveStatus({ path: long, status: () => [] }), {
    message: `Cannot serve the status at ${long}: more than 107 bytes (choose a shorter --state-dir)`,
  })
})

test('what is no socket is not removed', async t => {
  const path = socketPath(t)
  writeFileSync(path, 'precious')
  await assert.rejects(serveStatus({ path, status: () => [] }), {
    message: `Cannot serve the status at ${path}: EADDRINUSE (choose another --state-dir)`,
  })
  assert.equal(readFileSync(path, 'utf8'), 'precious')
})
