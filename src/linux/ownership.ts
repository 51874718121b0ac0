import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { formatPrefix, parsePrefix } from '../lib/ip-address.ts'
import type { AddressChange } from './addresses.ts'
import { bind, close, lastErrno, socket } from './libc.ts'
import type { LinkAddress } from './links.ts'
import { SyscallError } from './syscall-error.ts'

/** Which addresses are this instance's, also those that it held before it was killed. */
export interface Ownership {
  /** Written to IFA_PROTO of what this instance holds; 128..255, and no other instance's on this machine or file system. */
  readonly mark: number
  isOurs(linkName: string, address: LinkAddress): boolean
  /** To be called before the changes are made. */
  record(changes: readonly AddressChange[]): void
  /** To be called after the recorded changes were made, with those that succeeded. */
  confirm(done: readonly AddressChange[]): void
  /** The mark becomes free for another process. */
  close(): void
}

interface OwnershipOptions {
  /** Whether the kernel tells an address's IFA_PROTO (since 5.18). Where it doesn't, a list in the folder says what is ours. */
  readonly echoesMark?: boolean
}

/**
 * Opens the ownership of the instance that has `instanceDir` as its state folder, next to those of other instances. Throws an OwnershipError
 * where what stands in the folder can't be trusted, or another process is this instance.
 */
export function openOwnership(
  instanceDir: string,
  { echoesMark = kernelEchoesMark(release()) }: OwnershipOptions = {},
): Ownership {
  makeFolder(instanceDir)
  const list = echoesMark ? undefined : new AddressList(join(instanceDir, 'addresses'))
  const { mark, descriptor } = claimMark(instanceDir)
  return {
    mark,
    isOurs: (linkName, address) =>
      address.protocol === mark || (address.protocol === undefined && list?.has(linkName, address) === true),
    record: changes => list?.record(changes),
    confirm: done => list?.confirm(done),
    close: () => close(descriptor),
  }
}

/** The state folder can't be used: a sentence that says what to do. */
export class OwnershipError extends Error {
  override readonly name = 'OwnershipError'
}

/** Whether a kernel of this release, as `uname -r` has it, tells IFA_PROTO. */
export function kernelEchoesMark(kernelRelease: string): boolean {
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(kernelRelease) ?? []).map(Number)
  return major > 5 || (major === 5 && minor >= 18)
}

/** Whether an agent holds it, of whatever instance; where the kernel tells no IFA_PROTO that is unknown, and false. */
export function isMarked({ protocol = 0 }: LinkAddress): boolean {
  return protocol >= FIRST_MARK
}

// ---- the mark

const [FIRST_MARK, MARKS] = [128, 128]

interface Claim {
  readonly mark: number
  readonly descriptor: number
}

function claimMark(instanceDir: string): Claim {
  const path = join(instanceDir, 'mark')
  const recorded = readMark(path)
  if (recorded !== undefined) return claimRecorded(recorded, instanceDir)
  const taken = marksBeside(instanceDir)
  for (const mark of candidates(basename(instanceDir))) {
    const descriptor = taken.has(mark) ? undefined : bindMark(mark)
    if (descriptor === undefined) continue
    replaceFile(path, `${mark}\n`)
    return { mark, descriptor }
  }
  throw new OwnershipError(
    `Cannot mark addresses: all ${MARKS} marks are taken by the instances in "${dirname(instanceDir)}" (remove the folders of those that are gone)`,
  )
}

function claimRecorded(mark: number, instanceDir: string): Claim {
  const descriptor = bindMark(mark)
  if (descriptor !== undefined) return { mark, descriptor }
  throw new OwnershipError(
    `Cannot mark addresses: mark ${mark} of "${instanceDir}" is in use (another agent of this instance runs; give each its own --instance)`,
  )
}

/** All marks, from the one that the instance's name hashes to. */
function candidates(instance: string): number[] {
  const start = createHash('sha256').update(instance).digest().readUInt32BE() % MARKS
  return Array.from({ length: MARKS }, (_, i) => FIRST_MARK + ((start + i) % MARKS))
}

/** Marks of the other instances, also of those that don't run: what they held when they were killed isn't ours to sweep. */
function marksBeside(instanceDir: string): Set<number> {
  const root = dirname(instanceDir)
  const siblings = readdirSync(root, { withFileTypes: true }).filter(
    entry => entry.isDirectory() && entry.name !== basename(instanceDir),
  )
  return new Set(siblings.map(({ name }) => readMark(join(root, name, 'mark'))).filter(mark => mark !== undefined))
}

function readMark(path: string): number | undefined {
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8').trim()
  const mark = Number(text)
  if (/^\d+$/.test(text) && mark >= FIRST_MARK && mark < FIRST_MARK + MARKS) return mark
  throw new OwnershipError(
    `Cannot read the mark in "${path}": "${text}" is no number from 128 to 255 (remove the file)`,
  )
}

/** Claims a mark in this network namespace for as long as this process lives; undefined where another process has it. */
function bindMark(mark: number): number | undefined {
  const name = Buffer.from(`\0kube-vrrp/mark/${mark}`)
  const address = Buffer.concat([new Uint8Array(Uint16Array.of(AF_UNIX).buffer), name])
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (descriptor >= 0 && bind(descriptor, address, address.length) === 0) return descriptor
  const errno = lastErrno()
  if (descriptor >= 0) close(descriptor)
  if (errno === 'EADDRINUSE') return undefined
  throw new SyscallError(`claim mark ${mark}`, errno)
}

const [AF_UNIX, SOCK_DGRAM, SOCK_CLOEXEC] = [1, 2, 0o2000000]

// ---- the list

/**
 * Held addresses, one a line after the boot they belong to. It need not reach the disk: what would lose it, the machine's end, takes the
 * addresses as well.
 */
class AddressList {
  readonly #path: string
  readonly #boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  readonly #listed: Set<string>
  #recorded: readonly AddressChange[] = []
  #added: ReadonlySet<AddressChange> = new Set()

  constructor(path: string) {
    this.#path = path
    this.#listed = this.#read()
  }

  has(linkName: string, { prefix }: LinkAddress): boolean {
    return this.#listed.has(`${linkName} ${formatPrefix(prefix)}`)
  }

  record(changes: readonly AddressChange[]): void {
    this.#recorded = changes
    this.#added = new Set(changes.filter(change => change.action === 'hold' && !this.#listed.has(lineOf(change))))
    for (const change of this.#added) this.#listed.add(lineOf(change))
    if (this.#added.size > 0) this.#write()
  }

  confirm(done: readonly AddressChange[]): void {
    const succeeded = new Set(done)
    const gone = this.#recorded.filter(change =>
      change.action === 'release' ? succeeded.has(change) : this.#added.has(change) && !succeeded.has(change),
    )
    this.#recorded = []
    for (const change of gone) this.#listed.delete(lineOf(change))
    if (gone.length > 0) this.#write()
  }

  #read(): Set<string> {
    if (!existsSync(this.#path)) return new Set()
    const [boot, ...lines] = readFileSync(this.#path, 'utf8').trimEnd().split('\n')
    const wrong = [boot, ...lines].findIndex((line = '', i) => (i === 0 ? !/^boot \S+$/.test(line) : !isListLine(line)))
    if (wrong >= 0) {
      throw new OwnershipError(
        `Cannot read the list of held addresses in "${this.#path}": line ${wrong + 1} is damaged (delete this instance's addresses by hand, then the file)`,
      )
    }
    return new Set(boot === `boot ${this.#boot}` ? lines : [])
  }

  #write(): void {
    replaceFile(this.#path, [`boot ${this.#boot}`, ...this.#listed, ''].join('\n'))
  }
}

function lineOf({ linkName, prefix }: AddressChange): string {
  return `${linkName} ${formatPrefix(prefix)}`
}

function isListLine(line: string): boolean {
  const [linkName, prefix = '', ...rest] = line.split(' ')
  return linkName !== '' && parsePrefix(prefix) !== undefined && rest.length === 0
}

// ---- files

function makeFolder(path: string): void {
  if (existsSync(path)) return
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
