// Virtual routers that change state together: docs/decisions/0011. Not in the RFC, whose routers know nothing of each other. Each is stepped by itself;
// what is decided here is whether one that would take over may, and who ceases to be Active because another one did.

import type { Instant, Millis } from '../lib/time.ts'
import { backupDeadline } from './backup-wait.ts'
import type { RouterSet } from './router-set.ts'
import { activeDownInterval } from './timers.ts'
import type { RouterState } from './virtual-router.ts'

/** Who joins a group of Active Routers, and follows another node for so many Active_Down_Intervals, is not about to become Active as well. */
const PATIENCE = 3

/** When one has ceased to be Active, the others do after this: whom it yielded to is mostly a group, and about to speak to them as well. */
const YIELDS_AFTER: Millis = 20

interface Group {
  /** Since when they are in it. */
  readonly members: Map<string, Instant>
  /** When one ceased to be Active. */
  brokenAt: Instant | undefined
}

/**
 * The groups of a node's virtual routers. A group becomes Active when all that take part want to: each is Active, or a Backup whose wait is over. When
 * one ceases to be Active, all do.
 */
export class Groups {
  readonly #set: RouterSet
  readonly #groups = new Map<string, Group>()
  readonly #names = new Map<string, string>()
  /** Groups in which some may be Active and others not. */
  readonly #mixed = new Set<string>()
  /** Since when they are ready, if they are, as far as it was looked. */
  readonly #ready = new Map<string, Instant | undefined>()

  constructor(set: RouterSet) {
    this.#set = set
  }

  /** From now on this router is in the group of that name; undefined: it changes by itself. */
  join(key: string, name: string | undefined, now: Instant): void {
    const before = this.#names.get(key)
    if (before === name) return
    if (before !== undefined) this.#leave(key, before)
    this.#set.askAgain(now)
    if (name === undefined) return
    const group = this.#groups.get(name) ?? { members: new Map<string, Instant>(), brokenAt: undefined }
    this.#groups.set(name, group)
    group.members.set(key, now)
    this.#names.set(key, name)
    this.#doubt(name)
  }

  of(key: string): string | undefined {
    return this.#names.get(key)
  }

  /** The other routers of its group. */
  matesOf(key: string): string[] {
    return [...this.#membersOf(key)].flatMap(([mate]) => (mate === key ? [] : [mate]))
  }

  /** To be called before `isReady` is: time has passed. */
  lookAnew(): void {
    this.#ready.clear()
  }

  /** Whether a router whose wait is over may take over: all others of its group are Active, or would take over too. */
  isReady(key: string, now: Instant): boolean {
    return !this.#names.has(key) || this.readySince(key, now) !== undefined
  }

  /** When the last of its group began to want to take over; undefined where one does not, and of a router of no group. */
  readySince(key: string, now: Instant): Instant | undefined {
    const name = this.#names.get(key)
    if (name === undefined) return undefined
    if (this.#ready.has(name)) return this.#ready.get(name)
    const since = Array.from(this.#membersOf(key).keys(), member => wantsSince(this.#set.get(member)?.state))
    const last = Math.max(...since)
    this.#ready.set(name, last <= now ? last : undefined)
    return last <= now ? last : undefined
  }

  /** To be told of every step. */
  stepped(key: string, before: RouterState, after: RouterState, now: Instant): void {
    const name = this.#names.get(key)
    if (name === undefined) return
    if (after.name !== 'Active') this.#ready.delete(name)
    if (before.name === after.name) return
    const group = this.#groups.get(name)
    if (group && before.name === 'Active') group.brokenAt ??= now
    this.#doubt(name)
    this.#set.askAgain(now)
  }

  /** When to ask `yielding`; besides, after every step. */
  next(): Instant | undefined {
    const broken = [...this.#mixed].flatMap(name => this.#groups.get(name)?.brokenAt ?? [])
    return broken.length === 0 ? undefined : Math.min(...broken) + YIELDS_AFTER
  }

  /** The Active Routers that are to yield, for others of their group are not Active and not about to be. To be asked when all that waits was heard. */
  yielding(now: Instant): string[] {
    return [...this.#mixed].flatMap(name => this.#yieldingIn(name, now))
  }

  #yieldingIn(name: string, now: Instant): string[] {
    const group = this.#groups.get(name)
    const states = [...(group?.members ?? [])].flatMap(([key, joinedAt]) => {
      const router = this.#set.get(key)
      return router ? [{ joinedAt, ...router }] : []
    })
    const active = states.filter(({ state }) => state.name === 'Active')
    const backups = states.filter(({ state }) => state.name === 'Backup')
    if (!group || active.length === 0 || backups.length === 0) {
      this.#mixed.delete(name)
      if (group) group.brokenAt = undefined
      return []
    }
    const isForGood = backups.some(({ state, config, joinedAt }) => {
      if (state.name !== 'Backup' || !state.active || state.takeoverReason !== undefined) return false
      const patience = PATIENCE * activeDownInterval(config.version, config.priority, state.activeInterval)
      return now - Math.max(joinedAt, state.since) >= patience
    })
    const isBroken = group.brokenAt !== undefined && now - group.brokenAt >= YIELDS_AFTER
    return isBroken || isForGood ? active.map(({ key }) => key) : []
  }

  #leave(key: string, name: string): void {
    this.#names.delete(key)
    this.#ready.delete(name)
    const group = this.#groups.get(name)
    group?.members.delete(key)
    if (group?.members.size === 0) this.#groups.delete(name)
  }

  #doubt(name: string): void {
    this.#mixed.add(name)
    this.#ready.delete(name)
  }

  #membersOf(key: string): ReadonlyMap<string, Instant> {
    return this.#groups.get(this.#names.get(key) ?? '')?.members ?? new Map<string, Instant>()
  }
}

/** Who does not take part (yet) has no say. */
function wantsSince(state: RouterState | undefined): Instant {
  return state?.name === 'Backup' ? backupDeadline(state) : Number.NEGATIVE_INFINITY
}
