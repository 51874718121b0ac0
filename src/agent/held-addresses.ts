import { formatPrefix } from '../lib/ip-address.ts'
import type { Instant } from '../lib/time.ts'
import { addressChanges, type DesiredAddress, heldAddresses } from '../linux/address-changes.ts'
import type { AddressChange, Addresses } from '../linux/addresses.ts'
import type { Link, LinkAddress, LinkTable } from '../linux/links.ts'
import type { Ownership } from '../linux/ownership.ts'
import type { SyscallError } from '../linux/syscall-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MachineClock } from './machine-clock.ts'

interface HeldAddressesParts {
  readonly clock: MachineClock
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly logger: Logger
  /** What must be held now. */
  readonly desired: () => DesiredAddress[]
  /** Changes are about to be made. */
  readonly before: (changes: readonly AddressChange[]) => void
  /** These addresses are not held, or not by us: released, or refused. */
  readonly notHeld: (changes: readonly AddressChange[]) => void
  /** An address is held now that wasn't, or could not be. */
  readonly held: (change: AddressChange, error: SyscallError | undefined) => void
  /** A batch is done: what was asked for before it is true. */
  readonly done: () => void
}

/**
 * Makes the kernel's addresses those that are desired, in batches and level-triggered: whatever made them differ (a transition, a hand,
 * a network manager, a killed predecessor), the difference is what is done.
 */
export class HeldAddresses {
  readonly #parts: HeldAddressesParts
  #stale = false
  #isWorking = false
  #becameIdle: () => void = () => {}
  #renewAt: Instant = Number.POSITIVE_INFINITY

  constructor(parts: HeldAddressesParts) {
    this.#parts = parts
  }

  /** Whether something is asked for that no batch has begun with: messages that rest on it must wait for `done`. */
  get stale(): boolean {
    return this.#stale
  }

  /** Whether all that was asked for is done. */
  get isTrue(): boolean {
    return !this.#stale && !this.#isWorking
  }

  /** When to call `renewDue`. */
  nextRenewal(): Instant | undefined {
    return this.#renewAt === Number.POSITIVE_INFINITY ? undefined : this.#renewAt
  }

  /** What is held and is ours stays for some seconds more. */
  renewDue(at: Instant): void {
    if (at < this.#renewAt) return
    const { links, addresses, desired } = this.#parts
    const wanted = desired()
    this.#renewAt = wanted.length > 0 ? at + addresses.pace : Number.POSITIVE_INFINITY
    void addresses.renew(heldAddresses(wanted, links.links, this.#isOurs))
  }

  /** What is desired, or what is there, has changed. */
  expect(): void {
    this.#stale = true
  }

  /** Begins a batch where one is needed; those that are asked for while it is under way follow it. */
  work(): void {
    if (!this.#stale || this.#isWorking) return
    this.#isWorking = true
    this.#stale = false
    const { desired, links, addresses } = this.#parts
    const changes = addressChanges(desired(), links.links, this.#isOurs)
    if (changes.length === 0) {
      this.#end()
      return
    }
    this.#begin(changes)
    void addresses.apply(changes).then(errors => {
      this.#conclude(changes, errors)
      this.#end()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (!this.#isWorking) return
    await new Promise<void>(resolve => {
      this.#becameIdle = resolve
    })
  }

  readonly #isOurs = (link: Link, address: LinkAddress): boolean => this.#parts.ownership.isOurs(link.name, address)

  #begin(changes: readonly AddressChange[]): void {
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
    const { ownership, logger, notHeld, held } = this.#parts
    notHeld(changes.filter(({ action }, i) => (action === 'release') === (errors[i] === undefined)))
    ownership.confirm(changes.filter((_, i) => errors[i] === undefined))
    for (const [i, change] of changes.entries()) {
      const error = errors[i]
      const verb = change.action === 'hold' ? 'Holds' : 'Released'
      if (error) logger.error(error.message)
      else logger.info(`${verb} ${formatPrefix(change.prefix)} on ${change.linkName}`)
      // Somebody else put it there a moment ago: it serves, and is not ours to remove.
      if (change.action === 'hold' && error?.errno !== 'EEXIST') held(change, error)
    }
  }

  #end(): void {
    this.#parts.done()
    this.#isWorking = false
    this.work()
    if (!this.#isWorking) this.#becameIdle()
  }
}
