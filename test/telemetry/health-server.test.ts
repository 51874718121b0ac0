import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, Registry } from 'prom-client'
import { type HealthOptions, serveHealth } from '../../src/telemetry/health-server.ts'

const hasIPv6 = Object.values(networkInterfaces()).some(link => link?.some(({ address }) => address === '::1'))

async function serve(t: TestContext, options: Partial<HealthOptions> = {}): Promise<string> {
  const whole = { address: '127.0.0.1:0', registry: new Registry(), healthy: () => true, ready: () => true, ...options }
  const server = await serveHealth(whole as HealthOptions)
  t.after(() => server.close())
  return server.address
}

test('/metrics is what the registry has, in its content type', async t => {
  const registry = new Registry()
  new Gauge({ name: 'some_gauge', help: 'Some.', registers: [registry] }).set(7)
  new Counter({ name: 'some_total', help: 'Others.', registers: [registry] }).inc(3)
  const response = await fetch(`http://${await serve(t, { registry })}/metrics`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(await response.text(), await registry.metrics())
})

test('other work gets its turn between two metrics', async t => {
  const registry = new Registry()
  const events: string[] = []
  for (const name of ['first', 'second']) {
    const collect = () => {
      events.push(name)
      setImmediate(() => events.push('other work'))
    }
    new Gauge({ name, help: 'Some.', registers: [registry], collect })
  }
  await fetch(`http://${await serve(t, { registry })}/metrics`)
  assert.deepEqual(events.slice(0, 3), ['first', 'other work', 'second'])
})

test('readers at the same time share one rendering', async t => {
  const registry = new Registry()
  let renderings = 0
  const collect = () => {
    renderings++
    return sleep(200)
  }
  new Gauge({ name: 'slow', help: 'Slow.', registers: [registry], collect })
  const address = await serve(t, { registry })
  const read = async () => (await fetch(`http://${address}/metrics`)).text()
  const [first, second] = await Promise.all([read(), read()])
  assert.equal(renderings, 1)
  assert.equal(first, second)
  await read()
  assert.equal(renderings, 2)
})

test('/healthz and /readyz say ok, or answer 503 with the sentence', async t => {
  let ready: true | string = 'The spec has not been read yet'
  const address = await serve(t, { ready: () => ready })
  const ask = async (path: string) => {
    const response = await fetch(`http://${address}${path}`)
    return [response.status, await response.text()]
  }
  assert.deepEqual(await ask('/healthz'), [200, 'ok\n'])
  assert.deepEqual(await ask('/readyz'), [503, 'The spec has not been read yet\n'])
  ready = true
  assert.deepEqual(await ask('/readyz?verbose'), [200, 'ok\n'])
})

test('another path is 404, another method 405', async t => {
  const address = await serve(t)
  assert.equal((await fetch(`http://${address}/`)).status, 404)
  assert.equal((await fetch(`http://${address}/healthz`, { method: 'POST' })).status, 405)
})

test('a rendering that fails ends the connection and not the process', async t => {
  const registry = new Registry()
  const collect = () => {
    throw new Error('broken')
  }
  new Gauge({ name: 'broken', help: 'Broken.', registers: [registry], collect })
  const address = await serve(t, { registry })
  await assert.rejects(fetch(`http://${address}/metrics`))
  assert.equal((await fetch(`http://${address}/healthz`)).status, 200)
})

test('an address without a host is every address of the node', async t => {
  const address = await serve(t, { address: ':0' })
  const port = address.slice(address.lastIndexOf(':') + 1)
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  if (hasIPv6) assert.equal((await fetch(`http://[::1]:${port}/healthz`)).status, 200)
})

test('a port in use is refused with the flag that chooses another', async t => {
  const address = await serve(t)
  await assert.rejects(serve(t, { address }), {
    message: `Cannot serve metrics on ${address}: EADDRINUSE (another process listens there; choose another with --metrics-address)`,
  })
})

test('an address that is none is refused with what one looks like', async t => {
  for (const address of ['9180', 'localhost', '::1:9180', ':70000', '[127.0.0.1:1', '']) {
    await assert.rejects(
      serve(t, { address }),
      /--metrics-address is like :9180, 127\.0\.0\.1:9180 or \[::1\]:9180$/,
      address,
    )
  }
  await assert.rejects(
    serve(t, { address: '192.0.2.1:0' }),
    /Cannot serve metrics on 192\.0\.2\.1:0: EADDRNOTAVAIL \(this host has no such address/,
  )
})
