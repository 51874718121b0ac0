/* What `make release` leaves: all but the image's build, which is the lab's; and the guide for plain Linux, word by word. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { eventually, holders } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { cached } from './lab/cache.ts'
import { IMAGE, VERSION } from './lab/images.ts'
import { ROOT } from './lab/root.ts'
import { imageArchive } from './unpacked-image.ts'

const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch
const NAME = `kube-vrrp-${VERSION}`
const LINUX = `${NAME}-linux-${ARCHITECTURE}.tar.gz`
/** Of Debian 10, Ubuntu 20.04 and RHEL 8 the oldest. */
const OLDEST_GLIBC = 28

describe('a release', () => {
  const [folder, again] = [mkdtempSync('/run/release-'), mkdtempSync('/run/again-')]
  before(() => {
    const image = '/run/image.tar'
    cpSync(imageArchive().file, image)
    for (const target of [folder, again]) makeRelease(target, image)
    rmSync(image)
  })

  test('has image, program, chart, manifests and their checksums', () => {
    assert.deepEqual(readdirSync(folder).sort(), [
      'SHA256SUMS',
      'install.yaml',
      `${NAME}-image-linux-${ARCHITECTURE}.tar.gz`,
      LINUX,
      `${NAME}.tgz`,
      'static-pod.yaml',
    ])
    const checked = run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], folder)
    assert.equal(checked.match(/: OK$/gm)?.length, 5)
  })

  test('has the image as docker, podman and containerd load it', () => {
    const [{ RepoTags }] = JSON.parse(inArchive(`${NAME}-image-linux-${ARCHITECTURE}.tar.gz`, 'manifest.json')) as [
      { RepoTags: string[] },
    ]
    assert.deepEqual(RepoTags, [IMAGE])
  })

  test('has chart and manifests for that image', () => {
    const chart = inArchive(`${NAME}.tgz`, 'kube-vrrp/Chart.yaml')
    assert.match(chart, new RegExp(`^version: ${VERSION}$`, 'm'))
    assert.match(chart, new RegExp(`^appVersion: ${VERSION}$`, 'm'))
    const images = readFileSync(join(folder, 'install.yaml'), 'utf8').match(/(?<= image: ).*/g)
    assert.deepEqual([...new Set(images)], [`kube-vrrp/kube-vrrp:${VERSION}`])
    assert.match(readFileSync(join(folder, 'static-pod.yaml'), 'utf8'), new RegExp(`image: ${IMAGE}$`, 'm'))
  })

  test('has the guides with the program, and all that they link to', () => {
    const files = run('tar', ['-tzf', LINUX], folder).split('\n')
    for (const guide of files.filter(file => /^[^/]+\/(docs\/)?[^/]+\.md$/.test(file))) {
      const links = inArchive(LINUX, guide).matchAll(/\]\(([^)#]+)/g)
      for (const [, link = ''] of links) {
        if (!link.startsWith('https:')) assert.ok(files.includes(join(dirname(guide), link)), `${guide}: ${link}`)
      }
    }
  })

  test('made again from the same is the same, to the last byte', () => {
    for (const file of [LINUX, `${NAME}-image-linux-${ARCHITECTURE}.tar.gz`, 'install.yaml']) {
      assert.ok(readFileSync(join(again, file)).equals(readFileSync(join(folder, file))), file)
    }
  })

  test('the program asks for no newer glibc than it says', t => {
    const unpacked = mkdtempSync('/run/unpacked-')
    t.after(() => rmSync(unpacked, { recursive: true }))
    run('tar', ['-xzf', LINUX, '-C', unpacked], folder)
    const machineCode = run('find', [unpacked, '-name', '*.node', '-o', '-path', '*/runtime/*', '-type', 'f'])
    const files = machineCode.trim().split('\n')
    assert.equal(files.length, 4)
    for (const file of files) {
      const asked = readFileSync(file, 'latin1').matchAll(/\0GLIBC_2\.(\d+)/g)
      const newest = Math.max(...Array.from(asked, ([, minor]) => Number(minor)))
      assert.ok(newest <= OLDEST_GLIBC, `${file}: 2.${newest}`)
    }
  })

  test('the guide runs an agent on a Debian without Node, npm, git, compiler or libatomic', async t => {
    const [node, client] = nodesOf(testLan(t, 'plain'))
    const root = plainDebian()
    for (const file of [LINUX, 'SHA256SUMS']) run('cp', [join(folder, file), join(root, 'root')])
    const machine = (command: string) => [
      '-i',
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'HOME=/root',
      '/usr/sbin/chroot',
      root,
      'sh',
      '-ec',
      `cd; ${command}`,
    ]
    const onMachine = (command: string) => node.run('env', ...machine(command))
    for (const missing of ['node', 'npm', 'git', 'cc'])
      assert.equal(onMachine(`command -v ${missing} || echo none`), 'none\n')

    const [install = '', agent = '', status = '', unit = ''] = commandsOf('docs/file-mode.md')
    onMachine(install.replaceAll('-amd64', `-${ARCHITECTURE}`))
    assert.equal(onMachine('kube-vrrp --version'), `${VERSION}\n`)
    mkdirSync(join(root, 'etc/kube-vrrp'))
    writeFileSync(join(root, 'etc/kube-vrrp/virtualips.yaml'), yamlOf('docs/file-mode.md'))
    const process = node.spawn('env', machine(`exec ${agent}`), { stdio: 'ignore' })
    await eventually('it holds the address', () => holders([node], '192.168.1.100').length === 1)
    assert.match(onMachine(status), /^web +192\.168\.1\.100\/24 +node1 +True /m)
    assert.equal(answer(client, '192.168.1.100'), 'ECONNREFUSED')

    const ended = new Promise(resolve => process.on('exit', resolve))
    process.kill('SIGTERM')
    assert.equal(await ended, 0)
    assert.deepEqual(holders([node], '192.168.1.100'), [])

    // There is no systemd: its part of the guide as far as files go.
    onMachine(`mkdir -p /etc/default /etc/systemd/system\n${unit.replace(/^systemctl.*$/m, '')}`)
    const [, program = ''] =
      readFileSync(join(root, 'etc/systemd/system/kube-vrrp.service'), 'utf8').match(/^ExecStart=(\S+)/m) ?? []
    assert.equal(onMachine(`${program} --version`), `${VERSION}\n`)
    const documents = readFileSync(join(root, 'etc/systemd/system/kube-vrrp.service'), 'utf8').matchAll(
      /file:\/\/(\S+)/g,
    )
    for (const [, path = ''] of documents) onMachine(`test -f ${path}`)
  })

  function inArchive(archive: string, path: string): string {
    return run('tar', ['-xzOf', archive, path], folder)
  }
})

/** With a builder that has nothing to build: the lab's image is there. */
function makeRelease(folder: string, image: string): void {
  const tools = mkdtempSync('/run/tools-')
  writeFileSync(
    join(tools, 'buildah'),
    `#!/bin/sh\ncase $1 in push) to=\${4#docker-archive:}; cp ${image} "\${to%%:*}" ;; esac\n`,
    { mode: 0o755 },
  )
  for (const other of ['docker', 'podman']) writeFileSync(join(tools, other), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const env = { ...process.env, PATH: `${tools}:${process.env['PATH']}`, SOURCE_DATE_EPOCH: '1700000000' }
  execFileSync('node', [join(ROOT, 'bundle/release.ts'), folder], { env, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** The machine that the base image was begun with; what changes on it is gone with the lab. */
function plainDebian(): string {
  const folder = mkdtempSync('/run/debian-')
  const [upper, work, root] = ['upper', 'work', 'root'].map(name => join(folder, name)) as [string, string, string]
  for (const path of [upper, work, root]) mkdirSync(path)
  const layers = `lowerdir=${cached('base', 'bookworm')},upperdir=${upper},workdir=${work}`
  run('mount', ['-t', 'overlay', '-o', layers, 'overlay', root])
  run('mount', ['-t', 'proc', 'proc', join(root, 'proc')])
  run('sh', ['-c', `rm ${root}/usr/lib/*/libatomic.so.1*`])
  return root
}

/** The indented blocks, without their indentation. */
function commandsOf(document: string): string[] {
  const text = readFileSync(join(ROOT, document), 'utf8')
  return Array.from(text.matchAll(/(?:^ {7}\S.*\n)+/gm), ([block]) => block.replaceAll(/^ +/gm, ''))
}

function yamlOf(document: string): string {
  const text = readFileSync(join(ROOT, document), 'utf8')
  return text.match(/```yaml\n(.*?)```/s)?.[1]?.replaceAll(/^ {3}/gm, '') ?? ''
}

function nodesOf({ lan }: ReturnType<typeof testLan>) {
  return [
    lan.addNode({ name: 'node1', addresses: ['192.168.1.11/24'] }),
    lan.addNode({ name: 'client', addresses: ['192.168.1.200/24'] }),
  ] as const
}

/** What a TCP connection meets: a refusal is an answer. */
function answer(client: LabNode, address: string): string {
  const connect = `require('node:net').connect({ host: '${address}', port: 9, timeout: 5000 })`
  return client.run('node', '-e', `${connect}.on('error', ({ code }) => process.stdout.write(code))`)
}

function run(command: string, args: readonly string[], cwd = '/'): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8' })
}
