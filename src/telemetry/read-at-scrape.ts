import { Counter, Gauge, type Registry } from 'prom-client'

export interface Sample<Label extends string> {
  readonly labels: Partial<Record<Label, string | number>>
  readonly value: number
}

export interface Description<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly Label[]
}

/**
 * A counter whose series are exactly what `read` says when somebody scrapes: nothing is kept for it, so nothing is stale, and
 * counting a packet costs one addition to somebody's own number.
 */
export function readCounter<Label extends string>(
  registry: Registry,
  description: Description<Label>,
  read: () => Sample<Label>[],
): void {
  readAtScrape(new Counter({ ...description, registers: [registry] }), read)
}

/** As readCounter. */
export function readGauge<Label extends string>(
  registry: Registry,
  description: Description<Label>,
  read: () => Sample<Label>[],
): void {
  readAtScrape(new Gauge({ ...description, registers: [registry] }), read)
}

function readAtScrape<Label extends string>(
  metric: Pick<Counter<Label> | Gauge<Label>, 'get'>,
  read: () => Sample<Label>[],
): void {
  const describe = metric.get.bind(metric)
  metric.get = async () => ({ ...(await describe()), values: read() })
}
