/* What is in the image, what is not, and what it takes; in namespaces, without a container runtime. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { globSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, holders } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { ROOT } from './lab/root.ts'
import { type UnpackedImage, unpackImage } from './unpacked-image.ts'

const MB = 1e6
const MIB = 2 ** 20
const { version, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
  dependencies: Record<string, string>
}
const PROGRAM = '/usr/local/bin/kube-vrrp'
const ADDRESS = '10.1.0.100'
/** As the chart has it; SYS_CHROOT is for getting in here. */
const AGENT = ['setpriv', '--bounding-set=-all,+net_admin,+net_raw,+sys_chroot', '--no-new-privs', 'chroot']
const CONTROLLER = ['setpriv', '--bounding-set=-all,+setuid,+setgid,+sys_chroot', '--no-new-privs', 'chroot']
const [ROOT_USER, NONROOT] = ['0:0', '65532:65532']
/** Seconds; what it takes is in docs/image.md. Generous: a machine under load is slow, not wrong. */
const STARTS_WITHIN = 5

describe('the image', () => {
  let image: UnpackedImage
  before(async () => {
    image = await unpackImage()
  })

  test('is no larger than 130 MB', () => {
    assert.ok(image.size < 130 * MB, `${image.size / MB} MB`)
  })

  test('has node, what it is linked with, the program and two users, and no shell, package manager or compiler', () => {
    const files = globSync('**', { cwd: image.root, exclude: ['proc/**', 'dev/**', 'run/**'] }).filter(
      path => !lstatSync(join(image.root, path)).isDirectory(),
    )
    const expected = [
      /^app\/(LICENSE|THIRD-PARTY|package\.json)$/,
      /^app\/lib\/[\w-]+\.js$/,
      /^app\/node_modules\/(koffi|raw-socket|@koromix\/koffi-linux-\w+)\/([\w/]+\.(js|node)|package\.json)$/,
      /^etc\/(group|passwd)$/,
      /^lib\/[\w-]+\/lib(atomic|c|dl|gcc_s|m|pthread|stdc\+\+)\.so\.\d$/,
      /^(lib64|lib)\/ld-linux-[\w-]+\.so\.\d$/,
      /^usr\/local\/bin\/(kube-vrrp|node)$/,
    ]
    assert.deepEqual(
      files.filter(path => !expected.some(pattern => pattern.test(path))),
      [],
    )
    assert.ok(files.length > 20)
  })

  test('has nothing that anybody but root may change, or that runs as somebody else', () => {
    const loose = globSync('**', { cwd: image.root, exclude: ['proc/**', 'dev/**', 'run/**'] }).filter(path => {
      const { uid, gid, mode } = lstatSync(join(image.root, path))
      return uid !== 0 || gid !== 0 || (mode & 0o6022) !== 0
    })
    assert.deepEqual(loose, [])
  })

  test('says its version and licence, and runs kube-vrrp by itself and by its name', () => {
    const { Entrypoint, Env, User, Labels } = image.config
    assert.deepEqual(Entrypoint, [PROGRAM])
    assert.ok(Env?.includes('PATH=/usr/local/bin'))
    assert.equal(User ?? '', '')
    assert.equal(Labels?.['org.opencontainers.image.version'], version)
    assert.equal(Labels?.['org.opencontainers.image.licenses'], 'Apache-2.0')
  })

  test('passes on the licences of all that is in it', () => {
    const notice = readFileSync(join(image.root, 'app/THIRD-PARTY'), 'utf8')
    const headings = [...notice.matchAll(/^={100}\n(.+) \((.+)\)\n={100}\n\n(?=\S)/gm)].map(([, name = '']) => name)
    const libraries = ['libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6']
    for (const name of [...Object.keys(dependencies), 'nan', 'Node.js', ...libraries, 'GPL-3', 'LGPL-2.1']) {
      assert.ok(
        headings.some(heading => heading.startsWith(`${name} `)),
        name,
      )
    }
    assert.match(notice, /GNU LESSER GENERAL PUBLIC LICENSE/)
    assert.match(notice, /OpenSSL/)
  })

  test('tells its version in no time, also to nobody', t => {
    const node = testLan(t, 'version').node()
    for (const user of [ROOT_USER, NONROOT]) {
      const started = performance.now()
      assert.equal(inside(node, image, ['--version'], user), `${version}\n`)
      assert.ok(performance.now() - started < STARTS_WITHIN * 1000)
    }
  })

  test('a controller runs as nobody, without capabilities, on a root that is read-only', async t => {
    const node = testLan(t, 'control').node()
    mkdirSync('/run/controller')
    writeFileSync('/run/controller/kubeconfig', KUBECONFIG)
    const args = ['controller', '--kubeconfig', '/run/controller/kubeconfig']
    const controller = start(node, [...CONTROLLER, `--userspec=${NONROOT}`, image.root, PROGRAM, ...args])
    await eventually('it is healthy', () => health(node, 9181) === 200)
    const status = readFileSync(`/proc/${controller.process.pid}/status`, 'utf8')
    assert.match(status, /^Uid:\t65532\t65532\t/m)
    assert.match(status, /^CapEff:\t0+$/m)
    await eventually('it tries again', () => /Cannot list virtualips.*trying again/.test(controller.output()))
  })

  describe('as an agent with one VirtualIP', () => {
    test('starts at once with NET_ADMIN and NET_RAW alone, is asked for its status without a shell, and takes no more than 90 MiB', async t => {
      const { node } = testLan(t, 'agent')
      const nodes = [node(), node()]
      mkdirSync('/run/agents')
      writeFileSync('/run/agents/file.yaml', fileOf(nodes))
      const agents = []
      for (const self of nodes) {
        const args = ['agent', '--file', '/run/agents/file.yaml', '--node', self.name]
        const started = performance.now()
        const agent = start(self, [...AGENT, image.root, PROGRAM, ...args])
        await eventually('it says something', () => agent.output() !== '')
        assert.ok(performance.now() - started < STARTS_WITHIN * 1000)
        agents.push({ self, ...agent })
      }
      await eventually('the first alone holds the address', () => holders(nodes, ADDRESS).join() === nodes[0]?.name, {
        within: 30_000,
      })

      for (const { self } of agents) {
        const args = ['status', 'web', '--node', self.name, '--output', 'json']
        const [virtualIP] = JSON.parse(inside(self, image, args)) as [Told]
        const state = virtualIP.status.nodes.find(row => row.node === self.name)?.state
        assert.equal(state, self === nodes[0] ? 'MASTER' : 'BACKUP')
      }

      // As kubelet and Prometheus do.
      for (const end = Date.now() + 20_000; Date.now() < end; await sleep(1000)) {
        for (const self of nodes) assert.equal(health(self, 9180), 200)
      }
      for (const { self, process } of agents) {
        const status = readFileSync(`/proc/${process.pid}/status`, 'utf8')
        assert.match(status, /^CapEff:\t0000000000043000$/m)
        assert.match(status, /^NoNewPrivs:\t1$/m)
        const resident = Number(status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]) * 1024
        t.diagnostic(`${self === nodes[0] ? 'MASTER' : 'BACKUP'}: ${(resident / MIB).toFixed(1)} MiB`)
        assert.ok(resident < 90 * MIB, `${resident / MIB} MiB`)
      }
    })
  })
})

interface Told {
  readonly status: { readonly nodes: readonly { readonly node: string; readonly state: string }[] }
}

/** Nobody listens there. */
const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: none, user: {token: none}}]
`

function fileOf(nodes: readonly LabNode[]): string {
  return `apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata: {name: web}
spec:
  addresses: ["${ADDRESS}/24"]
  virtualRouterID: 51
  priorities:
${nodes.map(({ name }, i) => `  - {node: ${name}, priority: ${200 - i}}\n`).join('')}`
}

/** What it prints, run to its end as `kubectl exec` does: by its path, without a shell. */
function inside(node: LabNode, { root }: UnpackedImage, args: readonly string[], user = ROOT_USER): string {
  return node.run('env', '-i', '/usr/sbin/chroot', `--userspec=${user}`, root, PROGRAM, ...args)
}

/** In an environment that has nothing of this one. */
function start(node: LabNode, command: readonly string[]): { process: ChildProcess; output: () => string } {
  const process = node.spawn('env', ['-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  process.stderr?.on('data', (chunk: Buffer) => {
    output += chunk
  })
  return { process, output: () => output }
}

/** The status of /healthz, or undefined where nobody answers. */
function health(node: LabNode, port: number): number | undefined {
  const ask = `fetch("http://127.0.0.1:${port}/healthz").then(({ status }) => console.log(status), () => console.log(0))`
  return Number(node.run('node', '-e', ask)) || undefined
}
