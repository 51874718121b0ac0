/*
 * Configurations as people have them, in test/keepalived/corpus: keepalived takes each, and what is imported of it is what keepalived itself
 * says that it does.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { importKeepalived } from '../../src/keepalived/import.ts'
import { formatNote } from '../../src/keepalived/note.ts'
import { parseDuration } from '../../src/lib/time.ts'
import { scratchFolder } from '../lab/daemons.ts'
import { type DumpedInstance, dumpedInstances, isDumpComplete } from '../lab/keepalived-dump.ts'
import { type LabNode, openLan } from '../lab/lan.ts'

const CORPUS = join(import.meta.dirname, '../keepalived/corpus')
const FILES = globSync('*.conf', { cwd: CORPUS }).sort()
const NODE = 'node1'
/** Where the files say that their scripts are. */
const HOME = '/etc/keepalived'
const COMPLAINT = /^# keepalived 2\.2\.7 complains: (.*)$/m
/** Besides eth0. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  eth1: ['198.51.100.11/24'],
  eth2: ['192.0.2.111/24'],
  eth3: ['198.51.100.111/24'],
  'eth0.112': ['192.0.2.112/24'],
  bond0: [],
  bond1: ['203.0.113.11/24', '2001:db8:3::11/64'],
  br0: ['192.0.2.211/24'],
}

/** Why there is no VirtualIP of an instance, and that this is said. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  'excluded-only.conf VI_1': /excluded-only\.conf:[0-9]+: vrrp_instance: "VI_1" has no virtual_ipaddress: left out/,
}

const lan = openLan({ bridge: 'br-corpus' })
let node: LabNode

before(() => {
  node = lan.addNode({ name: 'corpus', addresses: ['192.0.2.11/24', '2001:db8:1::11/64'] })
  for (const [i, [link, addresses]] of Object.entries(LINKS).entries()) {
    node.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `peer${i}`)
    for (const end of [link, `peer${i}`]) node.run('ip', 'link', 'set', end, 'up')
    for (const address of addresses) node.run('ip', 'address', 'add', address, 'dev', link)
  }
  mkdirSync(HOME, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', HOME])
  cpSync(CORPUS, HOME, { recursive: true })
  for (const name of ['notify', 'check_apiserver', 'check_haproxy', 'check_rke2server']) {
    writeFileSync(join(HOME, `${name}.sh`), '#!/bin/sh\n', { mode: 0o755 })
  }
})

after(() => {
  lan.close()
  execFileSync('umount', ['--lazy', HOME])
})

test('there are at least 30 that keepalived takes without a complaint', () => {
  assert.ok(FILES.filter(file => !COMPLAINT.test(text(file))).length >= 30)
})

test('each tells where it is from', () => {
  for (const file of FILES) assert.match(text(file), /^# .+: https:\/\/\S+\n/, file)
})

describe('of each', { concurrency: 4 }, () => {
  for (const file of FILES) {
    test(`${file}: the virtual routers are those of keepalived`, async () => {
      accepted(file)
      const { virtualIPs, notes } = imported(file)
      const dumped = await dumpOf(file)
      const expected = dumped.filter(({ name }) => {
        const leftOut = LEFT_OUT[`${file} ${name}`]
        if (leftOut) assert.match(notes, leftOut)
        return !leftOut
      })
      assert.ok(dumped.length > 0)
      assert.deepEqual(virtualIPs.map(routerOf), expected.map(normalised), notes)
    })
  }
})

function text(file: string): string {
  return readFileSync(join(CORPUS, file), 'utf8')
}

/** Without a complaint, unless the file says which. */
function accepted(file: string): void {
  const [, complaint] = COMPLAINT.exec(text(file)) ?? []
  const { status, stdout, stderr } = spawnSync(
    'ip',
    ['netns', 'exec', node.name, 'keepalived', '--config-test', '--config-id', NODE, '--use-file', join(HOME, file)],
    { encoding: 'utf8', timeout: 20_000 },
  )
  const output = stdout + stderr
  assert.equal(status, complaint === undefined ? 0 : CONFIG_TEST_FAILED, output)
  assert.ok(output.includes(complaint ?? ''), output)
}

/** keepalived's exit status where it has complained, and would go on. */
const CONFIG_TEST_FAILED = 5

function imported(file: string): { virtualIPs: VirtualIP[]; notes: string } {
  const { documents, notes } = importKeepalived([{ node: NODE, file: join(CORPUS, file), text: text(file) }], pattern =>
    globSync(pattern)
      .sort()
      .map(path => ({ path, text: readFileSync(path, 'utf8') })),
  )
  const virtualIPs = documents.flatMap(document => (document.kind === 'VirtualIP' ? [document] : []))
  return { virtualIPs, notes: notes.map(note => formatNote({ ...note, file: basename(note.file) })).join('\n') }
}

async function dumpOf(file: string): Promise<DumpedInstance[]> {
  const folder = scratchFolder()
  const pids = ['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp.pid')]
  const options = ['--vrrp', '--dont-fork', '--dont-respawn', '--log-console', '--dump-conf', '--config-id', NODE]
  const child = node.spawn('keepalived', [...options, ...pids, '--use-file', join(HOME, file)], {
    detached: true,
  })
  try {
    return await new Promise((resolve, reject) => {
      let log = ''
      const late = setTimeout(() => reject(new Error(`keepalived has not dumped all in 30 s:\n${log}`)), 30_000)
      const hear = (chunk: Buffer) => {
        log += chunk
        if (!isDumpComplete(log)) return
        clearTimeout(late)
        resolve(dumpedInstances(log))
      }
      child.stdout?.on('data', hear)
      child.stderr?.on('data', hear)
      child.on('exit', status => reject(new Error(`keepalived has ended with ${status}:\n${log}`)))
    })
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
}

function routerOf({ metadata, spec }: VirtualIP): DumpedInstance {
  const { interface: link = {}, virtualRouterID = 0, version = 3, advertisementInterval = '', transport } = spec
  const isExcluded = (address: string) =>
    spec.addressOptions?.some(
      option => option.advertised === false && option.address === address.replace(/\/.*/, ''),
    ) ?? false
  const others = transport?.peers?.filter(({ node }) => node !== NODE) ?? []
  return {
    name: metadata.name,
    version,
    link: 'name' in link ? (link.name ?? '') : '',
    virtualRouterID,
    priority: spec.priorities?.find(({ node }) => node === NODE)?.priority ?? 0,
    interval: parseDuration(advertisementInterval) ?? 0,
    addresses: spec.addresses
      .filter(address => !isExcluded(address))
      .map(withoutFullLength)
      .sort(),
    excluded: spec.addresses.filter(isExcluded).map(withoutFullLength).sort(),
    peers: others.map(({ address }) => address).sort(),
    ...(spec.group === undefined ? {} : { group: spec.group }),
  }
}

/** Named as in Kubernetes. */
function normalised(instance: DumpedInstance): DumpedInstance {
  const named = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return {
    ...instance,
    name: named(instance.name),
    ...(instance.group === undefined ? {} : { group: named(instance.group) }),
    addresses: instance.addresses.map(withoutFullLength).sort(),
    excluded: instance.excluded.map(withoutFullLength).sort(),
    peers: [...instance.peers].sort(),
  }
}

function withoutFullLength(address: string): string {
  return address.replace(address.includes(':') ? /\/128$/ : /\/32$/, '')
}
