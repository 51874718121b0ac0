import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describeFieldErrors, parseVirtualIP } from '../../src/api/parse.ts'
import { runImport } from '../../src/cli/import.ts'
import { acceptable, refusals } from '../api/refusals.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'

const CRDS = fileURLToPath(new URL('../../crds', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'kube-vrrp-crd-'))
let api: ApiServer

before(async () => {
  api = await startApiServer({ dir, resources: false })
  await api.kubectl(['apply', '--server-side', '-f', CRDS])
  await api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s'])
})
after(async () => {
  await api?.close()
  rmSync(dir, { recursive: true, force: true })
})

const virtualIP = (name: string, spec: unknown) => ({
  apiVersion: 'kube-vrrp.io/v1alpha1',
  kind: 'VirtualIP',
  metadata: { name },
  spec,
})

/** What kubectl says of each spec, by its index; absent where it is accepted. */
async function refusedByApiServer(specs: readonly unknown[]): Promise<Map<number, string>> {
  const documents = specs.map((spec, i) => JSON.stringify(virtualIP(`row-${i}`, spec))).join('\n---\n')
  const said = await api.kubectl(['create', '--dry-run=server', '-f', '-'], documents).then(
    () => '',
    (error: { stderr: string }) => error.stderr,
  )
  const refused = new Map<number, string>()
  for (const line of said.trimEnd().split('\n')) {
    const [, index, errors = ''] = /"row-([0-9]+)" is invalid: (.*)$/.exec(line) ?? []
    assert.ok(index !== undefined || line === '', line)
    if (index !== undefined) refused.set(Number(index), errors)
  }
  return refused
}

test('the API server takes the CRDs and serves them', async () => {
  const established = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Established")].status} {end}'
  assert.equal(
    await api.kubectl(['get', 'crd', '-o', `jsonpath=${established}`]),
    'virtualipnodes.kube-vrrp.io=True virtualips.kube-vrrp.io=True ',
  )
  const warnings = '{.items[*].status.conditions[?(@.type=="NonStructuralSchema")].message}'
  assert.equal(await api.kubectl(['get', 'crd', '-o', `jsonpath=${warnings}`]), '')
})

test('the API server refuses what file mode refuses, at the same field with the same sentence', async () => {
  const refused = await refusedByApiServer(refusals.map(({ spec }) => spec))
  for (const [i, { what, spec, path, sentence }] of refusals.entries()) {
    const said = refused.get(i) ?? ''
    const field = said.indexOf(`${path}: `)
    assert.ok(field >= 0 && said.indexOf(sentence, field) > field, `${what}: the API server says: ${said}`)
    const parsed = parseVirtualIP(virtualIP('web', spec))
    assert.ok(Array.isArray(parsed) && describeFieldErrors(parsed).endsWith(sentence), what)
  }
})

test('the API server accepts what file mode accepts, and fills in no defaults', async () => {
  for (const [i, { what, spec }] of acceptable.entries()) {
    const stored = JSON.parse(
      await api.kubectl(
        ['create', '--dry-run=server', '-o', 'json', '-f', '-'],
        JSON.stringify(virtualIP(`row-${i}`, spec)),
      ),
    )
    assert.deepEqual(stored.spec, spec, what)
  }
})

test('a field that nobody knows is refused by its name', async () => {
  const value = virtualIP('web', { addresses: ['10.0.0.5'], adresses: [] })
  await assert.rejects(api.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(value)), {
    stderr: /strict decoding error: unknown field "spec.adresses"/,
  })
  const parsed = parseVirtualIP(value)
  assert.equal(Array.isArray(parsed) && describeFieldErrors(parsed), 'spec.adresses: unknown field')
})

/** Mostly right, so that both answers occur. */
const octet = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 255 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('', '00', '01', '256', '1e1', '-1') },
)
const group = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 0, max: 0xffff }).map(n => n.toString(16)) },
  { weight: 1, arbitrary: fc.constantFrom('', '0000', 'FFFF', '10000', 'g') },
)
const addressText = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.array(octet, { minLength: 4, maxLength: 4 }).map(parts => parts.join('.')),
  fc.array(group, { minLength: 7, maxLength: 8 }).map(parts => parts.join(':')),
)
const prefixText = fc
  .tuple(
    addressText,
    fc.option(fc.oneof(fc.integer({ min: 0, max: 34 }), fc.integer({ min: 120, max: 130 })), { nil: undefined }),
    fc.constantFrom('', '', '', '', '', ' ', '%1', '/', '.'),
  )
  .map(([address, length, end]) => `${address}${length === undefined ? '' : `/${length}`}${end}`)
  .filter(text => text.length <= 43)
const durationText = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.integer({ min: 0, max: 500 }).map(n => `${10 * n}`),
        fc.constant('ms'),
      ),
      fc.tuple(
        fc.integer({ min: 0, max: 300 }).map(String),
        fc.constantFrom('', '.5', '.05', '.005', '.'),
        fc.constant('s'),
      ),
      fc.tuple(octet, fc.constantFrom('', '.5'), fc.constantFrom('ms', 's', 'm', 'h', 'us', '')),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map(parts => parts.flat().join(''))
  .filter(text => text.length <= 16)

const label = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: fc.constantFrom(...'aZ09-'), minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '_', 'é', ' ', '\n') },
)
const hostText = fc
  .oneof(
    addressText,
    prefixText,
    fc.array(label, { maxLength: 3 }).map(labels => labels.join('.')),
  )
  .filter(text => text !== '')
const statusText = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 198, max: 601 }).map(String) },
      { weight: 1, arbitrary: fc.constantFrom('', '20', '2xx', '٢٠٠') },
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map(codes => codes.join('-'))
const printable = fc
  .string({ unit: 'grapheme', maxLength: 6 })
  .filter(text => !/[^\P{C}\n\t]|\p{Zl}|\p{Zp}/u.test(text))
const pathText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'/a~! %?&\t\n'), maxLength: 6 }),
  printable.map(text => `/${text}`),
)
const headerName = fc.string({ unit: fc.constantFrom(...'aZ09-_|^:() '), minLength: 1, maxLength: 6 })
const maybe = <T>(value: T) => fc.option(fc.constant(value), { nil: undefined })
const anyCheck = fc.record({
  process: fc.option(fc.constant({ name: 'nginx' }), { freq: 1, nil: undefined }),
  exec: fc.option(fc.constant({ command: ['true'] }), { freq: 1, nil: undefined }),
  tcp: fc.option(fc.constant({ port: 80 }), { freq: 1, nil: undefined }),
  http: fc.option(
    fc.record({
      port: fc.constant(80),
      scheme: fc.option(fc.constantFrom('HTTP', 'HTTPS'), { nil: undefined }),
      caBundle: maybe('-----BEGIN CERTIFICATE-----'),
      insecureSkipVerify: fc.option(fc.boolean(), { nil: undefined }),
    }),
    { nil: undefined },
  ),
})

test('the API server and file mode agree on any text as an address, a subnet, an interval, or a part of a check', async () => {
  const checked = (http: object) => ({
    addresses: ['10.0.0.5'],
    checks: [{ name: 'web', http: { port: 80, ...http } }],
  })
  const sample = <T>(arbitrary: fc.Arbitrary<T>) => fc.sample(arbitrary, { numRuns: 120, seed: 5798 })
  const specs = [
    ...sample(prefixText).map(text => ({ addresses: [text] })),
    ...sample(prefixText).map(subnet => ({ addresses: ['10.0.0.5'], interface: { subnet } })),
    ...sample(durationText).map(advertisementInterval => ({ addresses: ['10.0.0.5'], advertisementInterval })),
    ...sample(durationText).map(advertisementInterval => ({
      addresses: ['10.0.0.5'],
      advertisementInterval,
      version: 2,
    })),
    ...sample(hostText).map(host => checked({ host })),
    ...sample(pathText).map(path => checked({ path })),
    ...sample(statusText).map(status => checked({ expectedStatus: [status] })),
    ...sample(headerName).map(name => checked({ httpHeaders: [{ name, value: '' }] })),
    ...sample(printable).map(value => checked({ httpHeaders: [{ name: 'X', value }] })),
    ...sample(anyCheck).map(check => ({ addresses: ['10.0.0.5'], checks: [{ name: 'any', ...check }] })),
  ]
  const byServer = await refusedByApiServer(specs)
  const byFile = specs.map(spec => parseVirtualIP(virtualIP('web', spec)))
  for (const [i, spec] of specs.entries()) {
    assert.equal(
      byServer.has(i),
      Array.isArray(byFile[i]),
      `${JSON.stringify(spec)}: the API server says: ${byServer.get(i)}`,
    )
  }
  const accepted = specs.length - byServer.size
  assert.ok(accepted > specs.length / 10 && byServer.size > specs.length / 10, 'the sample has both kinds')
})

test("kubectl apply takes unchanged what import makes of the guide's two files", async () => {
  const stream: string[] = []
  const status = runImport(['node1=node1.conf', 'node2=node2.conf'], {
    readFile: path => readFileSync(new URL(`../keepalived/seed/${path}`, import.meta.url), 'utf8'),
    glob: () => [],
    stdout: text => stream.push(text),
    stderr: () => {},
  })
  assert.equal(status, 0)
  await api.kubectl(['create', 'namespace', 'kube-vrrp'])
  assert.deepEqual((await api.kubectl(['apply', '-f', '-'], stream.join(''))).trimEnd().split('\n'), [
    'secret/kube-vrrp-passwords created',
    'virtualip.kube-vrrp.io/vi-1 created',
  ])
  await api.kubectl(['delete', '-f', '-'], stream.join(''))
})

test('kubectl get vip and vipnode show their columns', async () => {
  const vip = virtualIP('web', { addresses: ['192.168.1.100/24', '2001:db8::100/64'], virtualRouterID: 51 })
  await api.kubectl(['create', '-f', '-'], JSON.stringify(vip))
  const condition = {
    status: 'True',
    reason: 'OneMaster',
    message: 'node1 holds it',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  await api.kubectl([
    'patch',
    'vip',
    'web',
    '--subresource=status',
    '--type=merge',
    `--patch=${JSON.stringify({
      status: {
        virtualRouterID: 51,
        master: 'node1',
        backups: '2/2',
        conditions: [
          { ...condition, type: 'Accepted' },
          { ...condition, type: 'Ready' },
        ],
      },
    })}`,
  ])
  assert.deepEqual(table(await api.kubectl(['get', 'vip'])), [
    ['NAME', 'ADDRESS', 'MASTER', 'READY', 'BACKUPS', 'VRID', 'AGE'],
    ['web', '192.168.1.100/24', 'node1', 'True', '2/2', '51'],
  ])
  assert.deepEqual(table(await api.kubectl(['get', 'virtualips', '-o', 'wide'])), [
    ['NAME', 'ADDRESS', 'MASTER', 'READY', 'BACKUPS', 'VRID', 'AGE', 'ADDRESSES', 'REASON'],
    ['web', '192.168.1.100/24', 'node1', 'True', '2/2', '51', '["192.168.1.100/24","2001:db8::100/64"]', 'OneMaster'],
  ])

  const node = { ...virtualIP('node1', { virtualRouters: [] }), kind: 'VirtualIPNode' }
  await api.kubectl(['create', '-f', '-'], JSON.stringify(node))
  const status = { observedGeneration: 1, agentVersion: '0.1.0', conditions: [{ ...condition, type: 'Accepted' }] }
  await api.kubectl([
    'patch',
    'vipnode',
    'node1',
    '--subresource=status',
    '--type=merge',
    `--patch=${JSON.stringify({ status })}`,
  ])
  assert.deepEqual(table(await api.kubectl(['get', 'vipnode'])), [
    ['NAME', 'ACCEPTED', 'GENERATION', 'OBSERVED', 'AGENT', 'AGE'],
    ['node1', 'True', '1', '1', '0.1.0'],
  ])
})

/** The cells of kubectl's table, without ages. */
function table(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => line.split(/\s{2,}|\s+(?=\S)/).filter(cell => cell !== '' && !/^[0-9]+s$/.test(cell)))
}
