/* The figures that `observe` took, as a table: printed at the end of the gate, and written into docs/outages.md by `make outages`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './lab/root.ts'
import type { Outage } from './outages.ts'

const DOCUMENT = join(ROOT, 'docs/outages.md')
const MARK = '<!-- written by make outages -->\n'

/** Undefined where nothing was observed. */
export function outageTable(figures: string): string | undefined {
  if (!existsSync(figures)) return undefined
  const outages = readFileSync(figures, 'utf8').trim().split('\n')
  const rows = outages
    .map(line => JSON.parse(line) as Outage)
    .map(({ operation, gap, lost, sent, answerers, late }) => [
      operation,
      gap,
      lost,
      sent,
      Math.round(Math.max(0, ...late)) || 'none',
      answerers.join(' → '),
    ])
  const heading = [
    'operation',
    'longest time without an answer, ms',
    'probes lost',
    'of',
    'most late advert, ms apart',
    'who answered',
  ]
  return [heading, heading.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

export function recordOutages(table: string): void {
  const text = readFileSync(DOCUMENT, 'utf8')
  writeFileSync(DOCUMENT, text.slice(0, text.indexOf(MARK) + MARK.length) + table)
}
