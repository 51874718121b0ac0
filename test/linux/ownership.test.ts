import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { type Prefix, parsePrefix } from '../../src/lib/ip-address.ts'
import type { AddressChange } from '../../src/linux/addresses.ts'
import type { LinkAddress } from '../../src/linux/links.ts'
import { kernelEchoesMark, type Ownership, OwnershipError, openOwnership } from '../../src/linux/ownership.ts'

let root = ''
const opened = new Set<Ownership>()

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ownership-'))
})

afterEach(() => {
  for (const ownership of opened) close(ownership)
  rmSync(root, { recursive: true })
})

test('a mark is a number from 128 to 255, and an instance keeps it', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,30}$/), instance => {
      const first = open(instance)
      assert.ok(first.mark >= 128 && first.mark <= 255)
      close(first)
      const second = open(instance)
      assert.equal(second.mark, first.mark)
      close(second)
    }),
    { numRuns: 50 },
  )
})

test('two instances whose names hash to the same mark have two marks, also while one of them does not run', () => {
  const [one, other] = namesWithOneHash()
  const first = open(one)
  close(first)
  const second = open(other)
  assert.notEqual(second.mark, first.mark)
  close(second)
  assert.equal(open(one).mark, first.mark)
  assert.equal(open(other).mark, second.mark)
})

test('two instances that run on one machine have two marks, also where their state folders are not beside each other', () => {
  const [one, other] = namesWithOneHash()
  mkdirSync(join(root, 'elsewhere'))
  assert.notEqual(open(one).mark, open(join('elsewhere', other)).mark)
})

test('an instance that already runs is refused', () => {
  const { mark } = open('node1')
  assert.throws(
    () => open('node1'),
    new OwnershipError(
      `Cannot mark addresses: mark ${mark} of "${join(root, 'node1')}" is in use (another agent of this instance runs; give each its own --instance)`,
    ),
  )
})

test('the 129th instance is refused', () => {
  for (let mark = 128; mark <= 255; mark++) {
    mkdirSync(join(root, `${mark}`))
    writeFileSync(join(root, `${mark}`, 'mark'), `${mark}\n`)
  }
  assert.throws(() => open('node1'), /^OwnershipError: Cannot mark addresses: all 128 marks are taken/)
})

test('a damaged mark is refused with a sentence', () => {
  mkdirSync(join(root, 'node1'))
  writeFileSync(join(root, 'node1', 'mark'), '300')
  assert.throws(
    () => open('node1'),
    new OwnershipError(
      `Cannot read the mark in "${join(root, 'node1', 'mark')}": "300" is no number from 128 to 255 (remove the file)`,
    ),
  )
})

test('where the kernel tells marks, an address is ours by its mark, and nothing but the mark is written', () => {
  const ownership = open('node1')
  const change = hold('10.0.0.5/32')
  ownership.record([change])
  ownership.confirm([change])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.9/32', ownership.mark)), true)
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32', undefined)), false)
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32', ownership.mark - 1)), false)
  assert.throws(() => statSync(join(root, 'node1', 'addresses')), /ENOENT/)
})

test('where the kernel tells no marks, an address is ours once it was recorded, also for the next process', () => {
  const first = open('node1', { echoesMark: false })
  first.record([hold('10.0.0.5/32'), hold('fd00::5/128', 'eth1')])
  close(first)
  const second = open('node1', { echoesMark: false })
  assert.equal(second.isOurs('eth0', address('10.0.0.5/32')), true)
  assert.equal(second.isOurs('eth1', address('fd00::5/128')), true)
  assert.equal(second.isOurs('eth1', address('10.0.0.5/32')), false)
  assert.equal(second.isOurs('eth0', address('10.0.0.5/24')), false)
  assert.equal(open('node2', { echoesMark: false }).isOurs('eth0', address('10.0.0.5/32')), false)
})

test('there, an address that has a mark is ours only if the mark is', () => {
  const ownership = open('node1', { echoesMark: false })
  ownership.record([hold('10.0.0.5/32')])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32', ownership.mark)), true)
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32', 18)), false)
})

test('what was recorded but not done is not ours, what was released is not ours any more', () => {
  const ownership = open('node1', { echoesMark: false })
  const [done, failed] = [hold('10.0.0.5/32'), hold('10.0.0.6/32')]
  ownership.record([done, failed])
  ownership.confirm([done])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32')), true)
  assert.equal(ownership.isOurs('eth0', address('10.0.0.6/32')), false)

  const release: AddressChange = { ...done, action: 'release' }
  ownership.record([release])
  ownership.confirm([])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32')), true)
  ownership.record([release])
  ownership.confirm([release])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32')), false)
  close(ownership)
  assert.equal(open('node1', { echoesMark: false }).isOurs('eth0', address('10.0.0.5/32')), false)
})

test('an address that was ours stays ours when holding it again fails', () => {
  const ownership = open('node1', { echoesMark: false })
  const change = hold('10.0.0.5/32')
  ownership.record([change])
  ownership.confirm([change])
  ownership.record([change])
  ownership.confirm([])
  assert.equal(ownership.isOurs('eth0', address('10.0.0.5/32')), true)
})

test('a list from before the machine was booted says nothing of what is there now', () => {
  const first = open('node1', { echoesMark: false })
  first.record([hold('10.0.0.5/32')])
  close(first)
  const path = join(root, 'node1', 'addresses')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^boot .*/, 'boot another'))
  assert.equal(open('node1', { echoesMark: false }).isOurs('eth0', address('10.0.0.5/32')), false)
})

const DAMAGE = [
  { what: 'no boot', text: '10.0.0.5/32\n', line: 1 },
  { what: 'nothing', text: '', line: 1 },
  { what: 'half an address', text: 'boot x\neth0 10.0.0.5/32\neth0 10.0\n', line: 3 },
  { what: 'no link', text: 'boot x\n10.0.0.5/32\n', line: 2 },
]

for (const { what, text, line } of DAMAGE) {
  test(`a list with ${what} is refused with a sentence, but only where it is needed`, () => {
    mkdirSync(join(root, 'node1'))
    const path = join(root, 'node1', 'addresses')
    writeFileSync(path, text)
    assert.throws(
      () => open('node1', { echoesMark: false }),
      new OwnershipError(
        `Cannot read the list of held addresses in "${path}": line ${line} is damaged (delete this instance's addresses by hand, then the file)`,
      ),
    )
    assert.ok(open('node1').mark)
  })
}

test('only the agent may look into the folder and its files', () => {
  open('node1', { echoesMark: false }).record([hold('10.0.0.5/32')])
  assert.equal(statSync(join(root, 'node1')).mode & 0o777, 0o700)
  for (const file of ['mark', 'addresses']) assert.equal(statSync(join(root, 'node1', file)).mode & 0o777, 0o600)
})

test('kernels tell marks since 5.18', () => {
  for (const release of ['5.18.0', '6.1.0-18-amd64', '6.18.44', '10.0']) assert.equal(kernelEchoesMark(release), true)
  for (const release of ['5.17.15', '5.4.0-1', '4.19.0', '']) assert.equal(kernelEchoesMark(release), false)
})

function open(instance: string, { echoesMark = true } = {}): Ownership {
  const ownership = openOwnership(join(root, instance), { echoesMark })
  opened.add(ownership)
  return ownership
}

function close(ownership: Ownership): void {
  if (opened.delete(ownership)) ownership.close()
}

function hold(prefix: string, linkName = 'eth0'): AddressChange {
  return { action: 'hold', linkIndex: 2, linkName, prefix: prefixOf(prefix) }
}

function address(prefix: string, protocol?: number): LinkAddress {
  return { prefix: prefixOf(prefix), protocol, scope: 0, flags: 0 }
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  assert.ok(prefix)
  return prefix
}

/** Two instances that would have the same mark if each were alone. */
function namesWithOneHash(): [string, string] {
  const hash = (name: string) => createHash('sha256').update(name).digest().readUInt32BE() % 128
  for (let i = 2; ; i++) if (hash(`node${i}`) === hash('node1')) return ['node1', `node${i}`]
}
