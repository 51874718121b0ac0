/** min, median, 95th and 99th percentile (nearest rank) and max of some samples. */
export interface Figures {
  readonly n: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { n: sorted.length, min: rank(0), median: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) }
}

/** A row of a Markdown table, in whole units. */
export function figuresRow(what: string, samples: readonly number[], digits = 0): string {
  const { n, min, median, p95, p99, max } = figuresOf(samples)
  return `| ${[what, n, ...[min, median, p95, p99, max].map(value => value.toFixed(digits))].join(' | ')} |`
}

export const FIGURES_HEAD = '| | n | min | median | p95 | p99 | max |\n|---|---|---|---|---|---|---|'
