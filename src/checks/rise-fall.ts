/** How many results in a row change the verdict; both 1 or more. */
export interface RiseFall {
  readonly rise: number
  readonly fall: number
}

/** What a check's results so far come to. */
export interface Verdict {
  /** Absent: no result yet. */
  readonly passing?: boolean
  /** Results in a row that speak against `passing`. */
  readonly against: number
}

export const UNKNOWN: Verdict = { against: 0 }

/** The verdict after one more result. The first result decides at once: there is nothing it could flap from. */
export function judge(verdict: Verdict, passed: boolean, { rise, fall }: RiseFall): Verdict {
  if (verdict.passing === undefined || verdict.passing === passed) return { passing: passed, against: 0 }
  const against = verdict.against + 1
  return against >= (passed ? rise : fall) ? { passing: passed, against: 0 } : { passing: verdict.passing, against }
}
