import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const BUILD = fileURLToPath(new URL('build', import.meta.url))
const TOOLS = ['etcd', 'kube-apiserver', 'kubectl']

/** What it needs beside Go: this machine's own Go must not be found. */
const PROGRAMS = 'bash cat chmod dirname flock grep head mkdir mv rm sed seq sleep tail'.split(' ')

/** Knows its version, and builds files in no time. */
const GO = `#!/bin/bash
if [ "$1" = env ]; then echo "\${FAKE_GOVERSION:-go1.26.8}"; exit; fi
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; [ "$1" = -ldflags ] && flags=$2; shift; done
echo "$flags" > "$out"
chmod +x "$out"
if [ -n "$FAKE_FAILURE" ]; then echo 'vet: something is wrong' >&2; exit 1; fi
`

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kube-vrrp-tools-'))
  mkdirSync(join(dir, 'go'))
  writeFileSync(join(dir, 'go', 'go'), GO)
  chmodSync(join(dir, 'go', 'go'), 0o755)
  mkdirSync(join(dir, 'programs'))
  for (const name of PROGRAMS) {
    const found = ['/usr/bin', '/bin'].map(folder => join(folder, name)).find(path => existsSync(path))
    if (found) symlinkSync(found, join(dir, 'programs', name))
  }
})

afterEach(() => rmSync(dir, { recursive: true }))

function build(environment: NodeJS.ProcessEnv = {}, withGo = true, names: readonly string[] = []) {
  const PATH = `${withGo ? `${join(dir, 'go')}:` : ''}${join(dir, 'programs')}`
  const env = { PATH, HOME: dir, XDG_CACHE_HOME: join(dir, 'cache'), ...environment }
  const { status, stdout, stderr } = spawnSync(BUILD, names, { env, encoding: 'utf8' })
  return { status, said: stdout.trim(), complained: stderr.trim() }
}

function bin(name: string): string {
  return join(dir, 'cache', 'kube-vrrp', 'bin', name)
}

suite('test/tools/build', () => {
  test('builds what is missing, says what and how long it takes, and the next time does nothing', () => {
    const { status, said } = build()
    assert.equal(status, 0)
    assert.match(said, /^Building etcd 3\.\d+\.\d+ \(about 1 minute on two cores, once\) …$/m)
    assert.match(said, /^Building kube-apiserver 1\.\d+\.\d+ \(about 4 minutes on two cores, once\) …$/m)
    assert.match(said, /^ {2}kubectl 1\.\d+\.\d+ built in \d+ s$/m)
    for (const tool of TOOLS) assert.ok(existsSync(bin(tool)), tool)
    assert.match(readFileSync(bin('kube-apiserver'), 'utf8'), /gitVersion=v1\.\d+\.\d+ .*gitMinor=\d+/)
    assert.deepEqual(build({}, false), { status: 0, said: '', complained: '' })
  })

  test('builds anew what is there in another version, and that only', () => {
    build()
    writeFileSync(bin('kubectl.version'), '1.20.0\n')
    assert.match(build().said, /^Building kubectl .*\n {2}kubectl .* built in \d+ s$/)
  })

  test('builds what is named, each from its own module, and refuses what it does not know', () => {
    const { said } = build({}, true, ['kubelet', 'helm'])
    assert.match(said, /kubelet 1\.\d+\.\d+ built in[\s\S]*helm 4\.\d+\.\d+ built in/)
    assert.ok(!existsSync(bin('etcd')))
    const { status, complained } = build({}, true, ['kubeadm'])
    assert.equal(status, 2)
    assert.match(complained, /^There is no recipe for kubeadm/)
  })

  test('what failed in the middle does not count, and the compiler’s words are shown', () => {
    const { status, complained } = build({ FAKE_FAILURE: 'yes' })
    assert.equal(status, 1)
    assert.match(complained, /vet: something is wrong\nCannot build etcd 3\.\d+\.\d+: see above$/)
    assert.deepEqual(readdirSync(join(bin('etcd'), '..')), ['.lock'])
  })

  test('without Go says which one is needed, or what to set', () => {
    const { status, complained } = build({}, false)
    assert.equal(status, 1)
    assert.match(
      complained,
      /there is no Go \(install Go 1\.26 or later, https:\/\/go\.dev\/dl, or set KUBEBUILDER_ASSETS/,
    )
  })

  test('with a Go that is too old to fetch a newer one says so', () => {
    const { status, complained } = build({ FAKE_GOVERSION: 'go1.19.8' })
    assert.equal(status, 1)
    assert.match(complained, /this is go1\.19\.8 \(install Go 1\.26 or later/)
  })

  test('leaves alone what KUBEBUILDER_ASSETS has', () => {
    const assets = join(dir, 'assets')
    mkdirSync(assets)
    for (const tool of TOOLS) {
      writeFileSync(join(assets, tool), '')
      chmodSync(join(assets, tool), 0o755)
    }
    assert.deepEqual(build({ KUBEBUILDER_ASSETS: assets }, false), { status: 0, said: '', complained: '' })
    rmSync(join(assets, 'kubectl'))
    assert.match(build({ KUBEBUILDER_ASSETS: assets }).said, /^Building kubectl /)
  })
})
