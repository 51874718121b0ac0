import assert from 'node:assert/strict'
import dns from 'node:dns'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TcpCheck } from '../../src/api/check.ts'
import { openConnection } from '../../src/checks/tcp.ts'

const LONG = 30_000

function run(check: TcpCheck, limit = LONG, signal = new AbortController().signal) {
  return openConnection(check, limit, signal)
}

async function outcomeOf(check: TcpCheck, limit = LONG) {
  const { outcome, ended } = run(check, limit)
  const found = await outcome
  await ended
  return found
}

async function listening(t: TestContext, onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server = createServer(onSocket)
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('a connection that opens passes, and is closed without a word', async t => {
  const said = Promise.withResolvers<string>()
  const port = await listening(t, socket => {
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('error', error => said.resolve(error.message)).on('end', () => said.resolve(text))
  })
  assert.deepEqual(await outcomeOf({ port }), { passed: true })
  assert.equal(await said.promise, '')
})

test('a connection is enough: the server need not speak', async t => {
  const port = await listening(t, socket => socket.pause(), '::1')
  assert.deepEqual(await outcomeOf({ host: '::1', port }), { passed: true })
})

test('a name is looked up', async t => {
  const port = await listening(t, () => {})
  assert.deepEqual(await outcomeOf({ host: 'localhost', port }), { passed: true })
})

test('a port where nobody listens fails', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  assert.deepEqual(await outcomeOf({ port }), {
    passed: false,
    message: `Cannot connect to 127.0.0.1:${port}: ECONNREFUSED`,
  })
})

test('a name whose lookup hangs has failed at the time limit; the run has not ended while the lookup goes on', async t => {
  const asked = Promise.withResolvers<(error: Error | null) => void>()
  const lookup = (_host: string, _options: object, callback: (error: Error | null) => void) => asked.resolve(callback)
  t.mock.method(dns, 'lookup', lookup as never)
  const { outcome, ended } = run({ host: 'web.example.com', port: 80 }, 100)
  assert.deepEqual(await outcome, {
    passed: false,
    message: 'Cannot connect to web.example.com:80: no answer within 100ms',
  })
  let over = false
  ended.then(() => {
    over = true
  })
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.equal(over, false)
  const answer = await asked.promise
  answer(new Error('too late'))
  await ended
})

test('an abort ends it', async t => {
  t.mock.method(dns, 'lookup', (() => {}) as never)
  const abort = new AbortController()
  const { outcome } = run({ host: 'web.example.com', port: 80 }, LONG, abort.signal)
  abort.abort()
  assert.deepEqual(await outcome, {
    passed: false,
    message: 'Cannot connect to web.example.com:80: was ended with its check',
  })
})
