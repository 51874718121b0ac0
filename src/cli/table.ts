const GAP = 3

/** Rows of cells in columns, as wide as the widest cell or as `widths` say if that is wider. Pure. */
export function formatTable(rows: readonly (readonly string[])[], widths: readonly number[] = []): string {
  const wide = widthsOf(rows, widths)
  const lines = rows.map(row => row.map((cell, i) => cell.padEnd((wide[i] ?? 0) + GAP)).join(''))
  return lines.map(line => `${line.trimEnd()}\n`).join('')
}

/** How wide the columns of `rows` are, `before` included: rows that come later keep to them. */
export function widthsOf(rows: readonly (readonly string[])[], before: readonly number[] = []): number[] {
  const columns = Math.max(before.length, ...rows.map(row => row.length))
  return Array.from({ length: columns }, (_, i) => Math.max(before[i] ?? 0, ...rows.map(row => row[i]?.length ?? 0)))
}
