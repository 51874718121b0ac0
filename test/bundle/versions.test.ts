import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { disagreements } from '../../bundle/versions.ts'

const { version } = JSON.parse(read('package.json')) as { version: string }

test('lock file, Dockerfile, chart, install.yaml, static pod and changelog have the version of package.json', () => {
  assert.deepEqual(disagreements(version, read), [])
})

test('each place that has another version is named', () => {
  assert.deepEqual(disagreements('9.9.9', read), [
    `package-lock.json: the version is ${version}, and package.json has 9.9.9`,
    `Dockerfile: the label org.opencontainers.image.version is ${version}, and package.json has 9.9.9`,
    `charts/kube-vrrp/Chart.yaml: version is ${version}, and package.json has 9.9.9`,
    `charts/kube-vrrp/Chart.yaml: appVersion is ${version}, and package.json has 9.9.9`,
    `deploy/install.yaml: the tag of the image is ${version}, and package.json has 9.9.9`,
    `deploy/static-pod.yaml: the tag of the image is ${version}, and package.json has 9.9.9`,
    `deploy/static-pod.yaml: the label app.kubernetes.io/version is ${version}, and package.json has 9.9.9`,
    `docs/file-mode.md: the file that is unpacked is ${version}, and package.json has 9.9.9`,
    `CHANGELOG.md: the newest heading with a date (## [1.2.3] - 2026-01-31) is ${version}, and package.json has 9.9.9`,
  ])
})

test('a changelog where nothing is released yet is named', () => {
  const unreleased = (path: string) => (path === 'CHANGELOG.md' ? '## [Unreleased]\n' : read(path))
  assert.deepEqual(disagreements(version, unreleased), [
    `CHANGELOG.md: the newest heading with a date (## [1.2.3] - 2026-01-31) is missing, and package.json has ${version}`,
  ])
})

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8')
}
