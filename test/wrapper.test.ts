import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

test('bin/kube-vrrp runs from anywhere, also through a link', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-'))
  symlinkSync(join(import.meta.dirname, '..', 'bin', 'kube-vrrp'), join(folder, 'kube-vrrp'))
  const { status, stdout } = spawnSync(join(folder, 'kube-vrrp'), ['--version'], { cwd: '/', encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  assert.equal(status, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('a checkout that is not built says which command builds it, and downloads nothing', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kube-vrrp-')))
  cpSync(join(import.meta.dirname, '..', 'bin'), join(folder, 'bin'), { recursive: true })
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin', 'kube-vrrp'), ['status'], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.equal(stderr, `kube-vrrp is not built here: run \`make build\` in ${folder} first\n`)
})
