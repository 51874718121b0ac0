import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { type KubeClient, openClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import { findApiAccess } from '../../src/kube/kubeconfig.ts'
import { LEASES, VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { FaultyServer, THINGS, type Thing, until } from './faulty-server.ts'

const REF = { resource: THINGS, name: 'a' }

suite('a client', { timeout: 60_000 }, () => {
  let server: FaultyServer
  let client: KubeClient

  beforeEach(async () => {
    server = new FaultyServer()
    await server.open()
    client = server.client()
  })

  afterEach(async () => {
    client.close()
    await server.shut()
  })

  test('lists all pages as one list', async () => {
    server.pageSize = 2
    for (let i = 0; i < 5; i++) server.put(`t${i}`, i)
    const list = await client.list<Thing>(THINGS)
    assert.deepEqual(
      list.items.map(thing => thing.value),
      [0, 1, 2, 3, 4],
    )
    assert.equal(list.resourceVersion, '15')
    assert.deepEqual(
      server.urls.map(url => url.searchParams.get('continue')),
      [null, '2', '4'],
    )
  })

  test('begins a list anew that grew too old between two pages, once', async () => {
    server.pageSize = 2
    for (let i = 0; i < 3; i++) server.put(`t${i}`, i)
    server.listFaults.push({ type: 'None' }, { type: 'Status', status: 410, reason: 'Expired' })
    assert.equal((await client.list<Thing>(THINGS)).items.length, 3)
    assert.deepEqual(
      server.urls.map(url => url.searchParams.get('continue')),
      [null, '2', null, '2'],
    )
  })

  test('applies with a field manager, by force, with the content type that the API server demands', async () => {
    await client.apply({ ...REF, subresource: 'status' }, { status: {} }, 'kube-vrrp-controller')
    assert.deepEqual(server.requests, ['PATCH /apis/test/v1/things/a/status'])
    assert.equal(server.urls[0]?.search, '?fieldManager=kube-vrrp-controller&force=true')
    assert.equal(server.contentTypes[0], 'application/apply-patch+yaml')
  })

  test('gives the status, the reason and what the API server asked for', async () => {
    server.writeFaults.push({ type: 'Status', status: 409, reason: 'Conflict' })
    await assert.rejects(client.mergePatch(REF, {}), error => {
      assert.ok(error instanceof KubeError)
      assert.equal(error.message, 'Cannot patch Thing a: 409 fault 409')
      assert.deepEqual([error.status, error.reason], [409, 'Conflict'])
      return true
    })
    server.writeFaults.push({ type: 'Status', status: 429, retryAfter: 3 })
    await assert.rejects(client.mergePatch(REF, {}), { status: 429, reason: 'TooManyRequests', retryAfter: 3000 })
  })

  test('says what to do when it is refused', async () => {
    server.listFaults.push({ type: 'Status', status: 401, reason: 'Unauthorized' })
    await assert.rejects(
      client.list(THINGS),
      /Cannot list things: 401 .*check the token or certificate of the kubeconfig/,
    )
    server.listFaults.push({ type: 'Status', status: 403, reason: 'Forbidden' })
    await assert.rejects(client.list(THINGS), /403 .*deploy\/install.yaml/)
  })

  test('gives up what is not answered in time, and does not ask again on a connection that was idle beside it', async () => {
    client.close()
    client = server.client(200)
    await Promise.all([client.list(THINGS), client.list(THINGS)])
    assert.equal(server.connections, 2)
    server.writeFaults.push({ type: 'Silence' })
    await assert.rejects(client.mergePatch(REF, {}), /no answer within 200 ms .*within reach/)
    await until(() => server.connections === 0)
  })

  test('an answer that stops in the middle is not waited for either', async () => {
    client.close()
    client = server.client(200)
    server.writeFaults.push({ type: 'HalfBody', text: '{"meta' })
    await assert.rejects(client.mergePatch(REF, {}), { reason: 'TimedOut' })
  })

  test('tries again on a new connection when the server had closed the idle one, but never creates twice', async () => {
    await client.list(THINGS)
    server.writeFaults.push({ type: 'Cut' })
    await client.mergePatch(REF, {})
    assert.deepEqual(server.requests.slice(1), ['PATCH /apis/test/v1/things/a', 'PATCH /apis/test/v1/things/a'])
    server.writeFaults.push({ type: 'Cut' })
    await assert.rejects(client.create(THINGS, {}), { reason: 'Unreachable' })
    assert.equal(server.requests.filter(request => request.startsWith('POST')).length, 1)
  })

  test('says so when nobody listens there', async () => {
    await server.shut()
    await assert.rejects(
      client.list(THINGS),
      /Cannot list things: ECONNREFUSED \(is the API server at http:\/\/127.0.0.1:\d+ running/,
    )
    await server.listen()
  })

  test('says so when it is not an API server that answers', async () => {
    server.listFaults.push({ type: 'Body', text: '<html>' })
    await assert.rejects(client.list(THINGS), /the answer is not JSON/)
  })

  for (const text of ['null', '{}', '[]', '"hello"', '{"status":"ok"}', '{"metadata":{}}', '{"metadata":{"name":7}}']) {
    test(`says so when what answers is JSON, but no object of an API: ${text}`, async () => {
      server.listFaults.push({ type: 'Body', text })
      await assert.rejects(client.get(REF), { reason: 'Garbled' })
      server.writeFaults.push({ type: 'Body', text })
      await assert.rejects(client.mergePatch(REF, {}), { reason: 'Garbled' })
    })
  }

  for (const text of [
    'null',
    '{}',
    '[]',
    '{"metadata":{},"items":[]}',
    '{"metadata":{"resourceVersion":"1"},"items":null}',
    '{"metadata":{"resourceVersion":"1"},"items":[{}]}',
  ]) {
    test(`says so when it is JSON, but no list: ${text}`, async () => {
      server.listFaults.push({ type: 'Body', text })
      await assert.rejects(client.list(THINGS), { reason: 'Garbled' })
    })
  }

  test('a list that does not begin is given up as early as anything else', async () => {
    client.close()
    client = server.client(200)
    server.listFaults.push({ type: 'Silence' })
    await assert.rejects(client.list(THINGS), /no answer within 200 ms/)
    server.listFaults.push({ type: 'HalfBody', text: '{"items":[' })
    await assert.rejects(client.list(THINGS), /no answer within 600 ms/)
  })

  test('a namespace is asked for where the kind has one, and only there', async () => {
    await assert.rejects(client.list(LEASES), /Lease is namespaced/)
    await assert.rejects(client.list(VIRTUAL_IPS, 'default'), /VirtualIP is not namespaced/)
  })
})

suite('a kubeconfig', () => {
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  })
  after(() => rmSync(dir, { recursive: true }))

  const write = (name: string, text: string) => {
    const file = join(dir, name)
    writeFileSync(file, text)
    return file
  }
  const kubeconfig = (server: string, user: string, more = '') => `
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: one, user: me}}]
clusters: [{name: one, cluster: {server: "${server}"${more}}}]
users: [{name: me, user: ${user}}]
`

  test('gives server, trust and token; relative paths start at its folder', async () => {
    write('ca.pem', 'CA')
    const file = write(
      'config',
      kubeconfig('https://10.0.0.1:6443', '{token: secret}', ', certificate-authority: ca.pem'),
    )
    const access = findApiAccess(file)
    assert.equal(access.server.href, 'https://10.0.0.1:6443/')
    const options = await access.requestOptions()
    assert.equal(String(options.ca), 'CA')
    assert.deepEqual(options.headers, { Authorization: 'Bearer secret' })
  })

  test('a token file is read anew, as it is rotated', async t => {
    t.mock.timers.enable({ apis: ['Date'] })
    write('token', 'first')
    const access = findApiAccess(write('rotating', kubeconfig('https://10.0.0.1', '{tokenFile: token}')))
    assert.deepEqual((await access.requestOptions()).headers, { Authorization: 'Bearer first' })
    write('token', 'second')
    t.mock.timers.tick(61_000)
    assert.deepEqual((await access.requestOptions()).headers, { Authorization: 'Bearer second' })
  })

  test('client certificates and passwords are used', async () => {
    const [cert, key] = ['CERT', 'KEY'].map(text => Buffer.from(text).toString('base64'))
    const user = `{client-certificate-data: ${cert}, client-key-data: ${key}, username: u, password: p}`
    const options = await findApiAccess(write('certs', kubeconfig('https://10.0.0.1', user))).requestOptions()
    assert.deepEqual([String(options.cert), String(options.key), options.auth], ['CERT', 'KEY', 'u:p'])
  })

  test('a credential plug-in is run', async () => {
    const credential = JSON.stringify({ status: { token: 'from-plugin' } })
    const user = `{exec: {apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['${credential}']}}`
    const options = await findApiAccess(write('exec', kubeconfig('https://10.0.0.1', user))).requestOptions()
    assert.deepEqual(options.headers, { Authorization: 'Bearer from-plugin' })
  })

  test('an OpenID Connect token is used: the whole package knows how', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const token = `${part({ alg: 'none' })}.${part({ exp: 4e9 })}.x`
    const user = `{auth-provider: {name: oidc, config: {id-token: ${token}}}}`
    const options = await findApiAccess(write('oidc', kubeconfig('https://10.0.0.1', user))).requestOptions()
    assert.deepEqual(options.headers, { Authorization: `Bearer ${token}` })
  })

  test('a proxy is used: the whole package knows how', async () => {
    const file = write('proxy', kubeconfig('https://10.0.0.1', '{token: t}', ', proxy-url: "http://10.9.9.9:3128"'))
    const options = await findApiAccess(file).requestOptions()
    assert.equal((options.agent as unknown as { proxy: URL }).proxy.href, 'http://10.9.9.9:3128/')
    assert.deepEqual(options.headers, { Authorization: 'Bearer t' })
  })

  test('several files in KUBECONFIG are one; the first that sets something wins', () => {
    const first = write('first', 'current-context: here\nclusters: [{name: one, cluster: {server: "https://first"}}]')
    const second = write(
      'second',
      `${kubeconfig('https://second', '{}').replace('current-context: here', 'current-context: there')}`,
    )
    assert.equal(findApiAccess(undefined, { KUBECONFIG: `${first}:${second}` }).server.host, 'first')
  })

  test('without any: says what to do', () => {
    assert.throws(() => findApiAccess(undefined, { HOME: '/nowhere' }), {
      reason: 'Misconfigured',
      message:
        'Cannot find a kubeconfig: /nowhere/.kube/config does not exist (use --kubeconfig FILE or set KUBECONFIG)',
    })
  })

  for (const [what, text, message] of [
    ['missing', undefined, /Cannot read kubeconfig .*: ENOENT \(use --kubeconfig/],
    ['not YAML', 'a: [', /Cannot use kubeconfig .*bad-1:/],
    ['without a current context', 'users: []', /it has no context "undefined"/],
    [
      'without the cluster it names',
      'current-context: c\ncontexts: [{name: c, context: {cluster: x}}]',
      /it has no cluster "x"/,
    ],
    ['of a cluster without a server', 'clusters: [{name: a, cluster: {}}]', /clusters\[0\].cluster.server is missing/],
    ['empty', '', /Cannot use kubeconfig/],
  ] as const) {
    test(`${what}: refused with a sentence`, () => {
      const file = text === undefined ? join(dir, 'absent') : write('bad-1', text)
      assert.throws(() => openClient({ kubeconfig: file }), { name: 'KubeError', reason: 'Misconfigured', message })
    })
  }

  test('whose certificate authority is gone: says which file, at the first call', async () => {
    const file = write('no-ca', kubeconfig('https://127.0.0.1:1', '{}', ', certificate-authority: gone.pem'))
    const client = openClient({ kubeconfig: file })
    await assert.rejects(client.list(THINGS), /Cannot list things: ENOENT.*gone.pem.*check the credentials in/)
  })
})
