import assert from 'node:assert/strict'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpCheck } from '../../src/api/check.ts'
import { httpRuns } from '../../src/checks/http.ts'
import { certificate } from './certificate.ts'

const LONG = 30_000

function run(check: HttpCheck, limit = LONG, signal = new AbortController().signal) {
  return httpRuns(check, limit)(signal)
}

async function outcomeOf(check: HttpCheck, limit = LONG) {
  const { outcome, ended } = run(check, limit)
  const found = await outcome
  await ended
  return found
}

async function listening(t: TestContext, server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket.on('error', () => {})))
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function serving(t: TestContext, answer: RequestListener, host?: string): Promise<number> {
  return listening(t, createHttpServer(answer), host)
}

function status(code: number): RequestListener {
  return (_request, response) => response.writeHead(code).end()
}

test('an answer of 200 to 399 passes, another fails with its status', async t => {
  for (const [code, passed] of [
    [200, true],
    [204, true],
    [399, true],
    [400, false],
    [500, false],
  ] as const) {
    const port = await serving(t, status(code))
    assert.deepEqual(
      await outcomeOf({ port }),
      passed ? { passed } : { passed, message: `GET http://127.0.0.1:${port}/: ${code}` },
    )
  }
})

test('expectedStatus says which pass instead, as codes and ranges', async t => {
  const port = await serving(t, (request, response) => response.writeHead(Number(request.url?.slice(1))).end())
  const passes = async (code: number) =>
    (await outcomeOf({ port, path: `/${code}`, expectedStatus: ['204', '400-403'] })).passed
  const codes = [200, 203, 204, 205, 302, 399, 400, 403, 404, 500]
  const passing = await Promise.all(codes.map(passes))
  assert.deepEqual(
    codes.filter((_, i) => passing[i]),
    [204, 400, 403],
  )
})

test('it asks for the path with the headers it was given, and says who it is', async t => {
  const asked = Promise.withResolvers<[string | undefined, string | undefined, readonly string[]]>()
  const port = await serving(t, ({ method, url, rawHeaders }, response) => {
    asked.resolve([method, url, rawHeaders])
    response.end()
  })
  const httpHeaders = [
    { name: 'host', value: 'web.example.com' },
    { name: 'X-Check', value: 'a' },
    { name: 'x-check', value: 'b' },
  ]
  assert.deepEqual(await outcomeOf({ port, path: '/live?verbose', httpHeaders }), { passed: true })
  const [method, url, headers] = await asked.promise
  assert.deepEqual([method, url], ['GET', '/live?verbose'])
  assert.deepEqual(pairs(headers), [
    'user-agent: kube-vrrp',
    'accept: */*',
    'host: web.example.com',
    'x-check: a',
    'x-check: b',
    'Connection: close',
  ])
})

test('without a header Host the server hears the host and port', async t => {
  const asked = Promise.withResolvers<string | undefined>()
  const port = await serving(t, ({ headers }, response) => {
    asked.resolve(headers.host)
    response.end()
  })
  await outcomeOf({ port, host: 'localhost' })
  assert.equal(await asked.promise, `localhost:${port}`)
})

function pairs(raw: readonly string[]): string[] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? `${name}: ${raw[i + 1]}` : []))
}

test('a redirect is an answer: it is not followed', async t => {
  const asked: (string | undefined)[] = []
  const port = await serving(t, ({ url }, response) => {
    asked.push(url)
    response.writeHead(url === '/' ? 302 : 500, { location: '/elsewhere' }).end()
  })
  assert.deepEqual(await outcomeOf({ port }), { passed: true })
  assert.deepEqual(await outcomeOf({ port, expectedStatus: ['200'] }), {
    passed: false,
    message: `GET http://127.0.0.1:${port}/: 302`,
  })
  assert.deepEqual(asked, ['/', '/'])
})

test('every run has a connection of its own, closed with the head of the answer: a body without end is not read', async t => {
  let connections = 0
  let written = 0
  const closed: Promise<unknown>[] = []
  const server = createHttpServer((_request, response) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    closed.push(promise)
    response.on('close', resolve)
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536
    }
    response.on('drain', more)
    more()
  })
  server.on('connection', () => connections++)
  const port = await listening(t, server)
  const next = httpRuns({ port }, LONG)
  for (let i = 0; i < 3; i++) {
    const { outcome, ended } = next(new AbortController().signal)
    assert.deepEqual(await outcome, { passed: true })
    await ended
  }
  await Promise.all(closed)
  assert.equal(connections, 3)
  assert.ok(written < 3 * 8e6, `${written} bytes were taken`)
})

test('who refuses, resets, or speaks no HTTP fails, and it is said how', async t => {
  const free = await freePort()
  assert.deepEqual(await outcomeOf({ port: free }), failed(free, 'ECONNREFUSED'))
  const resetting = await listening(
    t,
    createTcpServer(socket => socket.once('data', () => socket.resetAndDestroy())),
  )
  assert.deepEqual(await outcomeOf({ port: resetting }), failed(resetting, 'ECONNRESET'))
  const hangingUp = await listening(
    t,
    createTcpServer(socket => socket.once('data', () => socket.end())),
  )
  assert.deepEqual(await outcomeOf({ port: hangingUp }), failed(hangingUp, 'ECONNRESET'))
  const ssh = await listening(
    t,
    createTcpServer(socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n')),
  )
  assert.deepEqual(await outcomeOf({ port: ssh }), failed(ssh, 'Parse Error: Expected HTTP/, RTSP/ or ICE/'))
})

test('a name that does not exist fails with the resolver’s word', async () => {
  const found = await outcomeOf({ host: 'nowhere.invalid', port: 80 })
  assert.match(found.passed ? '' : found.message, /^GET http:\/\/nowhere\.invalid:80\/: (ENOTFOUND|EAI_AGAIN)$/)
})

function failed(port: number, why: string) {
  return { passed: false, message: `GET http://127.0.0.1:${port}/: ${why}` }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

test('an IPv6 address is asked and written in brackets', async t => {
  const port = await serving(t, status(503), '::1')
  assert.deepEqual(await outcomeOf({ host: '::1', port }), {
    passed: false,
    message: `GET http://[::1]:${port}/: 503`,
  })
})

suite('the time limit', { concurrency: true }, () => {
  const late = (port: number) => failed(port, 'no answer within 300ms')

  test('covers a server that accepts and says nothing', async t => {
    const port = await listening(
      t,
      createTcpServer(() => {}),
    )
    const begun = performance.now()
    assert.deepEqual(await outcomeOf({ port }, 300), late(port))
    const took = performance.now() - begun
    assert.ok(took >= 295 && took < 3000, `${took} ms`)
  })

  test('covers one that drips its head', async t => {
    const port = await listening(
      t,
      createTcpServer(socket => {
        socket.write('HTTP/1.1 200 OK\r\n')
        const drip = setInterval(() => socket.write('x: y\r\n'), 50)
        socket.on('close', () => clearInterval(drip))
      }),
    )
    assert.deepEqual(await outcomeOf({ port }, 300), late(port))
  })

  test('covers a TLS handshake that is not answered', async t => {
    const port = await listening(
      t,
      createTcpServer(() => {}),
    )
    assert.deepEqual(await outcomeOf({ scheme: 'HTTPS', port, insecureSkipVerify: true }, 300), {
      passed: false,
      message: `GET https://127.0.0.1:${port}/: no answer within 300ms`,
    })
  })

  test('is no reason to fail where the answer came in time and this process was late to see it', async t => {
    const port = await serving(t, status(200))
    const { outcome } = run({ port }, 200)
    await sleep(5)
    const end = performance.now() + 500
    while (performance.now() < end);
    assert.deepEqual(await outcome, { passed: true })
  })
})

test('an abort closes the connection', async t => {
  const gone = Promise.withResolvers<void>()
  const accepted = Promise.withResolvers<void>()
  const port = await listening(
    t,
    createTcpServer(socket => {
      accepted.resolve()
      socket.on('close', () => gone.resolve()).resume()
    }),
  )
  const abort = new AbortController()
  const { outcome, ended } = run({ port }, LONG, abort.signal)
  await accepted.promise
  abort.abort()
  assert.deepEqual(await outcome, failed(port, 'was ended with its check'))
  await ended
  await gone.promise
})

suite('by HTTPS', () => {
  const authority = certificate('test authority')
  const other = certificate('another authority')
  const local = certificate('web', { for: ['127.0.0.1', '::1', 'web.example.com'], by: authority })

  const secure = (t: TestContext, { cert, key }: { cert: string; key: string }, asked: string[] = []) => {
    const server = createHttpsServer(
      {
        cert,
        key,
        SNICallback: (name, done) => {
          asked.push(name)
          done(null)
        },
      },
      status(200),
    )
    server.on('tlsClientError', () => {})
    return listening(t, server)
  }
  const why = async (check: HttpCheck) => {
    const found = await outcomeOf({ scheme: 'HTTPS', ...check })
    return found.passed ? 'passed' : found.message.replace(/^GET https:\/\/127\.0\.0\.1:\d+\/: /, '')
  }

  test('a certificate of an authority in caBundle passes, one of another authority does not', async t => {
    const port = await secure(t, local)
    assert.equal(await why({ port, caBundle: authority.cert }), 'passed')
    assert.equal(await why({ port, caBundle: `# two\n${other.cert}${authority.cert}` }), 'passed')
    assert.equal(await why({ port, caBundle: other.cert }), 'unable to verify the first certificate')
  })

  test('without caBundle the public authorities count, so that our own fails', async t => {
    assert.equal(await why({ port: await secure(t, local) }), 'unable to verify the first certificate')
  })

  test('with insecureSkipVerify any certificate passes, also one that has expired and is for another host', async t => {
    const expired = certificate('web', { for: ['elsewhere'], until: new Date(Date.now() - 60_000), by: other })
    const port = await secure(t, expired)
    assert.equal(await why({ port, insecureSkipVerify: true }), 'passed')
    assert.equal(await why({ port, caBundle: other.cert }), 'certificate has expired')
  })

  test('a certificate for another host fails', async t => {
    const port = await secure(t, certificate('web', { for: ['10.0.0.5', 'web.example.com'], by: authority }))
    assert.equal(
      await why({ port, caBundle: authority.cert }),
      "Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the cert's list: 10.0.0.5",
    )
  })

  test('a header Host is the name that is asked for by SNI and that the certificate must be for', async t => {
    const names: string[] = []
    const port = await secure(t, local, names)
    const withHost = (value: string) => why({ port, caBundle: authority.cert, httpHeaders: [{ name: 'Host', value }] })
    assert.equal(await withHost('web.example.com:8443'), 'passed')
    assert.match(await withHost('db.example.com'), /altnames: Host: db\.example\.com\. is not in the cert's altnames/)
    assert.equal(await withHost('[::1]:8443'), 'passed')
    assert.equal(await withHost('::1'), 'passed')
    assert.match(await withHost('10.0.0.5'), /altnames: IP: 10\.0\.0\.5 is not in the cert's list/)
    assert.deepEqual(names, ['web.example.com', 'db.example.com'])
  })

  test('a caBundle that is no certificate inside fails, and says so', async t => {
    const port = await secure(t, local)
    const broken = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    assert.equal(
      await why({ port, caBundle: `${authority.cert}${broken}` }),
      'certificate 2 of caBundle is none that can be read',
    )
  })

  test('a server that speaks no TLS fails, and it is said how', async t => {
    const port = await serving(t, status(200))
    assert.match(await why({ port, insecureSkipVerify: true }), /^TLS: (wrong version number|packet length too long)$/)
  })
})
