/* bundle/image with builders that only say what they were asked. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const IMAGE = `docker.io/kube-vrrp/kube-vrrp:${version}`
const REVISION = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim()
const LABEL = REVISION === '' ? '' : `--label org.opencontainers.image.revision=${REVISION} `

test('docker is asked first, and an archive is what it saves', t => {
  const { status, stdout, asked } = build(t, ['docker', 'podman', 'buildah'], ['/somewhere/image.tar'])
  assert.equal(status, 0)
  assert.match(stdout, new RegExp(`^Building ${IMAGE} with docker …`))
  assert.deepEqual(asked, [
    `docker build ${LABEL}--tag ${IMAGE} .`,
    `docker save --output /somewhere/image.tar ${IMAGE}`,
  ])
})

test('a docker whose engine does not answer is passed over', t => {
  assert.deepEqual(build(t, ['podman', 'buildah']).asked, [`podman build ${LABEL}--tag ${IMAGE} .`])
  assert.deepEqual(build(t, ['buildah'], ['/somewhere/image.tar']).asked, [
    `buildah build ${LABEL}--tag ${IMAGE} .`,
    `buildah push --quiet ${IMAGE} docker-archive:/somewhere/image.tar:${IMAGE}`,
  ])
})

test('the time it says it was made at, and further flags, are passed on', t => {
  const settings = { SOURCE_DATE_EPOCH: '1700000000', BUILD_FLAGS: '--platform linux/arm64' }
  const { asked } = build(t, ['podman'], [], settings)
  assert.deepEqual(asked, [
    `podman build --build-arg SOURCE_DATE_EPOCH=1700000000 --timestamp 1700000000 ${LABEL}--platform linux/arm64 --tag ${IMAGE} .`,
  ])
})

test('where none works, the sentence says what to install', t => {
  const { status, stderr } = build(t, [])
  assert.equal(status, 2)
  assert.equal(
    stderr,
    'Cannot build the image: none of docker, podman and buildah works here (Debian: apt-get install buildah)\n',
  )
})

/** What the builders were asked beside whether they work; those of `working` do. */
function build(
  t: TestContext,
  working: readonly string[],
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-image-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const log = join(folder, 'log')
  writeFileSync(log, '')
  for (const tool of ['docker', 'podman', 'buildah']) {
    const does = working.includes(tool) ? `[ "$1" = info ] || echo "${tool} $*" >>${log}` : 'exit 1'
    writeFileSync(join(folder, tool), `#!/bin/sh\n${does}\n`, { mode: 0o755 })
  }
  const { SOURCE_DATE_EPOCH: _, BUILD_FLAGS: __, ...outer } = process.env
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'bundle/image'), args, {
    cwd: '/',
    encoding: 'utf8',
    env: { ...outer, ...env, PATH: `${folder}:${process.env['PATH']}` },
  })
  return { status, stdout, stderr, asked: readFileSync(log, 'utf8').split('\n').slice(0, -1) }
}
