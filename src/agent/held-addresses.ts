import { formatPrefix, type Prefix } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { addressChanges, type DesiredAddress, heldAddresses } from '../linux/address-changes.ts'
import type { AddressChange, Addresses } from '../linux/addresses.ts'
import type { Link, LinkAddress, LinkTable } from '../linux/links.ts'
import type { Ownership } from '../linux/ownership.ts'
import type { SyscallError } from '../linux/syscall-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MachineClock } from './machine-clock.ts'
import { keyOfPlace } from './places.ts'

interface HeldAddressesParts {
  readonly clock: MachineClock
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly logger: Logger
  /** What must be held now. */
  readonly desired: () => DesiredAddress[]
  /** Of what is desired, that which is not to be added now. */
  readonly notYet: () => ReadonlySet<Prefix>
  /** What is desired now is what is made true next. */
  readonly begun: () => void
  /** Changes are about to be made. */
  readonly before: (changes: readonly AddressChange[]) => void
  /** These addresses are not held, or not by us: released, or refused. */
  readonly notHeld: (changes: readonly AddressChange[]) => void
  /** These addresses are held now and weren't, or could not be. */
  readonly held: (changes: readonly Held[]) => void
  /** A batch is done: of what was desired when `begun` was called, `rest` is still to do. */
  readonly done: (rest: readonly AddressChange[]) => void
}

interface Held extends AddressChange {
  readonly error?: SyscallError | undefined
}

/** So many addresses are added before what rests on them is said: the last of a thousand do not keep the first waiting. */
const ADDED_TOGETHER = 128
/** The kernel tells of each of a thousand changes that are made here; all that it tells meanwhile is looked at together. */
const LOOK_EVERY: Millis = 5
/** What is renewed so late may be gone already, and nobody has told of it yet; linux/addresses.ts gives it two seconds. */
const DOUBTED_AFTER: Millis = 800

/**
 * Makes the kernel's addresses those that are desired, in batches and level-triggered: whatever made them differ (a transition, a hand,
 * a network manager, a killed predecessor), the difference is what is done.
 */
export class HeldAddresses {
  readonly #parts: HeldAddressesParts
  #isStale = false
  #isUnseen = false
  /** Whether what is held may be gone, and is added again. */
  #doubt: 'None' | 'Waiting' | 'UnderWay' = 'None'
  /** Released, and the kernel has maybe not told of it yet. */
  readonly #released = new Set<string>()
  #isWorking = false
  #becameIdle: () => void = () => {}
  #renewAt: Instant = Number.POSITIVE_INFINITY
  #lookAt: Instant = Number.NEGATIVE_INFINITY

  constructor(parts: HeldAddressesParts) {
    this.#parts = parts
  }

  /** Whether all that was asked for is done. */
  get isTrue(): boolean {
    return !this.#isStale && !this.#isWorking
  }

  /** When to call `renewDue` and `work`. */
  next(): Instant | undefined {
    const next = this.#isUnseen && !this.#isWorking ? Math.min(this.#lookAt, this.#renewAt) : this.#renewAt
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** What is held and is ours stays for some seconds more. */
  renewDue(at: Instant): void {
    if (at < this.#renewAt) return
    if (at > this.#renewAt + DOUBTED_AFTER) {
      this.doubt(at)
      return
    }
    const { links, addresses, desired } = this.#parts
    const wanted = desired()
    this.#renewAt = wanted.length > 0 ? at + addresses.pace : Number.POSITIVE_INFINITY
    void addresses.renew(heldAddresses(wanted, links.links, this.#isOurs))
  }

  /** Whether what is held may have gone away, for nobody renewed it. */
  mayBeGone(at: Instant): boolean {
    return this.#doubt !== 'None' || at > this.#renewAt + DOUBTED_AFTER
  }

  /** What is held may have gone away: it is added again; what is there stays as it is, and is renewed next. */
  doubt(at: Instant): void {
    if (at <= this.#renewAt + DOUBTED_AFTER) return
    this.#renewAt = at
    this.#doubt = 'Waiting'
    this.#isStale = true
  }

  /** What is desired has changed. */
  expect(): void {
    this.#isStale = true
  }

  /** What is there has changed. */
  look(): void {
    this.#isUnseen = true
    this.#released.clear()
  }

  /** Begins where there is something to do; what is asked for while a batch is under way is the next one's. */
  work(): void {
    const looks = this.#isUnseen && this.#parts.clock.now() >= this.#lookAt
    if (this.#isWorking || !(this.#isStale || looks)) return
    this.#isWorking = true
    this.#begin(new Map())
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (!this.#isWorking) return
    await new Promise<void>(resolve => {
      this.#becameIdle = resolve
    })
  }

  readonly #isOurs = (link: Link, address: LinkAddress): boolean => this.#parts.ownership.isOurs(link.name, address)

  /** `made`: what was done a moment ago, by place, and the kernel has maybe not told of yet. */
  #begin(made: Map<string, string>): void {
    const { clock, links, desired, notYet, begun } = this.#parts
    this.#isStale = false
    this.#isUnseen = false
    this.#lookAt = clock.now() + LOOK_EVERY
    begun()
    const changes = [...this.#unsure(made), ...addressChanges(desired(), links.links, this.#isOurs)]
    const later = notYet()
    const isMade = (change: AddressChange) => made.get(placeOf(change)) === outcomeOf(change)
    // One that was held anew, otherwise than before, was released for it.
    const heldAnew = new Set(changes.filter(change => change.action === 'hold' && isMade(change)).map(placeOf))
    this.#go(
      changes.filter(
        change =>
          !isMade(change) && (change.action === 'release' ? !heldAnew.has(placeOf(change)) : !later.has(change.prefix)),
      ),
      made,
    )
  }

  /** What is ours by what the kernel has told, and is maybe gone. */
  #unsure(made: Map<string, string>): AddressChange[] {
    if (this.#doubt === 'None' && this.#released.size === 0) return []
    if (this.#doubt === 'Waiting') made.clear()
    if (this.#doubt !== 'None') this.#doubt = 'UnderWay'
    const { links, desired } = this.#parts
    return heldAddresses(desired(), links.links, this.#isOurs)
      .filter(address => this.#doubt !== 'None' || this.#released.has(placeOf(address)))
      .map(address => ({ ...address, action: 'hold' }))
  }

  #go(changes: readonly AddressChange[], made: Map<string, string>): void {
    const { addresses, done } = this.#parts
    if (changes.length === 0) {
      this.#end()
      return
    }
    // What another node has is released before anything new is answered for: all of it is one batch.
    const isOnlyMore = changes.every(({ action }) => action === 'hold')
    const batch = changes.slice(0, isOnlyMore ? ADDED_TOGETHER : undefined)
    const rest = changes.slice(batch.length)
    this.#announceBatch(batch)
    void addresses.apply(batch).then(errors => {
      for (const change of batch) made.set(placeOf(change), outcomeOf(change))
      this.#conclude(batch, errors)
      if (rest.length > 0) done(rest)
      this.#tell(batch, errors)
      if (rest.length === 0) this.#end()
      else if (this.#isStale) this.#begin(made)
      else this.#go(rest, made)
    })
  }

  #announceBatch(changes: readonly AddressChange[]): void {
    const { clock, addresses, ownership, logger, before } = this.#parts
    try {
      ownership.record(changes)
    } catch (error) {
      logger.error(
        `Cannot write the list of held addresses: ${(error as Error).message}; a killed agent would leave them behind`,
      )
    }
    before(changes)
    if (changes.every(({ action }) => action === 'release')) return
    this.#renewAt = Math.min(this.#renewAt, clock.now() + addresses.pace)
  }

  #conclude(changes: readonly AddressChange[], errors: readonly (SyscallError | undefined)[]): void {
    const { ownership, notHeld, held } = this.#parts
    for (const change of changes) {
      if (change.action === 'release') this.#released.add(placeOf(change))
      else this.#released.delete(placeOf(change))
    }
    // Of an address that is held with another prefix length, label or scope, only the old one is released.
    const isHeld = new Set(changes.filter(({ action }, i) => action === 'hold' && !errors[i]).map(keyOfPlace))
    notHeld(
      changes.filter(
        (change, i) => (change.action === 'release') === (errors[i] === undefined) && !isHeld.has(keyOfPlace(change)),
      ),
    )
    ownership.confirm(changes.filter((_, i) => errors[i] === undefined))
    // Somebody else put it there a moment ago: it serves, and is not ours to remove.
    held(
      changes
        .map((change, i): Held => ({ ...change, error: errors[i] }))
        .filter(({ action, error }) => action === 'hold' && error?.errno !== 'EEXIST'),
    )
  }

  #tell(changes: readonly AddressChange[], errors: readonly (SyscallError | undefined)[]): void {
    const { logger } = this.#parts
    for (const [i, { action, prefix, linkName }] of changes.entries()) {
      const error = errors[i]
      if (error) logger.error(error.message)
      else logger.info(`${action === 'hold' ? 'Holds' : 'Released'} ${formatPrefix(prefix)} on ${linkName}`)
    }
  }

  #end(): void {
    if (this.#doubt === 'UnderWay') this.#doubt = 'None'
    this.#parts.done([])
    this.#isWorking = false
    this.work()
    if (!this.#isWorking) this.#becameIdle()
  }
}

/** What a place has after a change. */
function outcomeOf({ action, label, scope }: AddressChange): string {
  return action === 'hold' ? `held ${label} ${scope}` : 'released'
}

function placeOf({ linkIndex, prefix }: DesiredAddress): string {
  return `${linkIndex} ${formatPrefix(prefix)}`
}
