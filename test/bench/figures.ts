/** min, median, 95th and 99th percentile (nearest rank) and max of some samples. */
export interface Figures {
  readonly n: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Throws a RangeError for no samples: they would have been lost unseen. */
export function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b)
  const rank = (share: number): number => {
    const sample = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
    if (sample === undefined || Number.isNaN(sample)) throw new RangeError('There are no figures of no samples')
    return sample
  }
  return { n: sorted.length, min: rank(0), median: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) }
}
