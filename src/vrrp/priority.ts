/** RFC 9568 §5.2.4: the priority of the router that owns the addresses. */
export const OWNER = 255

/** RFC 9568 §5.2.4: the advertised priority that says the sender stops taking part. */
export const RELEASE = 0

export interface CheckResult {
  /** −253..253; absent: failing is a FAULT. */
  readonly weight?: number
  readonly passing: boolean
}

/**
 * The priority (1..255) that remains of `base` when the checks have had their say, or 'FAULT': this node must not take part.
 * A negative weight counts while its check fails, a positive one while it passes; the sum stays in 1..254, and an owner stays the owner.
 */
export function effectivePriority(base: number, results: readonly CheckResult[]): number | 'FAULT' {
  if (results.some(result => result.weight === undefined && !result.passing)) return 'FAULT'
  if (base === OWNER) return OWNER
  const sum = results.reduce((priority, result) => priority + contribution(result), base)
  return Math.min(254, Math.max(1, sum))
}

function contribution({ weight = 0, passing }: CheckResult): number {
  return weight > 0 === passing ? weight : 0
}
