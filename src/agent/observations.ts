import type { Observation } from '../api/virtual-ip-node.ts'
import type { Instant, Millis } from '../lib/time.ts'

/** Who makes up ever new troubles must not fill the status. */
const MOST = 8
/** What is said of a trouble changes at most this often. */
const SAID_ANEW_AFTER: Millis = 10_000

/** A piece of evidence; `lasts`: for how long it counts; `passesWithin`: for how long it may be the protocol at work. */
export interface Evidence extends Omit<Observation, 'since'> {
  readonly lasts: Millis
  readonly passesWithin: Millis
}

interface Level {
  evidence: Evidence
  readonly firstAt: Instant
  until: Instant
  saidAt: Instant
  /** RFC 3339; undefined while it may still pass by itself. */
  since: string | undefined
}

/**
 * What is wrong with virtual routers, by evidence that comes again and again: each trouble is a level, there from when the evidence has gone on
 * for longer than the protocol would let it until it has been absent for a while.
 */
export class Observations {
  readonly #byRouter = new Map<string, Map<string, Level>>()

  /** True where what is observed changed. */
  note(router: string, evidence: Evidence, now: Instant): boolean {
    const levels = this.#byRouter.get(router) ?? new Map<string, Level>()
    this.#byRouter.set(router, levels)
    const key = `${evidence.reason} ${evidence.source ?? ''}`
    const level = levels.get(key)
    const until = now + evidence.lasts
    if (!level) {
      if (levels.size < MOST) levels.set(key, { evidence, firstAt: now, until, saidAt: now, since: undefined })
      return false
    }
    level.until = Math.max(level.until, until)
    if (level.since === undefined) {
      level.evidence = evidence
      if (now - level.firstAt < evidence.passesWithin) return false
      level.since = new Date().toISOString()
      level.saidAt = now
      return true
    }
    if (level.evidence.message === evidence.message || now - level.saidAt < SAID_ANEW_AFTER) return false
    level.evidence = evidence
    level.saidAt = now
    return true
  }

  /** Evidence of something else proves all that was observed of a router to go on, for as long as it `lasts` itself. */
  confirm(router: string, lasts: Millis, now: Instant): boolean {
    let changed = false
    for (const { evidence } of this.#byRouter.get(router)?.values() ?? []) {
      if (this.note(router, { ...evidence, lasts: Math.max(lasts, evidence.lasts) }, now)) changed = true
    }
    return changed
  }

  /** What is observed of a router, longest first. */
  of(router: string): Observation[] {
    return [...(this.#byRouter.get(router)?.values() ?? [])].flatMap(({ evidence, since }) => {
      if (since === undefined) return []
      const { reason, message, source } = evidence
      return [{ reason, message, ...(source === undefined ? {} : { source }), since }]
    })
  }

  /** Whether there is any evidence, told or not. */
  get isEmpty(): boolean {
    return this.#byRouter.size === 0
  }

  /** The router, or its part of that sort, is over. True where what is observed changed. */
  forget(router: string, reasons?: ReadonlySet<string>): boolean {
    return this.#drop(router, ({ evidence }) => reasons?.has(evidence.reason) ?? true)
  }

  /** True where what is observed changed. */
  forgetOld(now: Instant): boolean {
    let changed = false
    for (const router of this.#byRouter.keys()) {
      if (this.#drop(router, ({ until }) => until <= now)) changed = true
    }
    return changed
  }

  #drop(router: string, isOver: (level: Level) => boolean): boolean {
    const levels = this.#byRouter.get(router)
    if (!levels) return false
    let changed = false
    for (const [key, level] of levels) {
      if (!isOver(level)) continue
      levels.delete(key)
      changed ||= level.since !== undefined
    }
    if (levels.size === 0) this.#byRouter.delete(router)
    return changed
  }
}
