const MOST = 4

/** `node1, node2 and node3`; of many, the first few and how many more. */
export function listing(items: readonly string[]): string {
  const shown = items.length > MOST + 1 ? [...items.slice(0, MOST), `${items.length - MOST} more`] : items
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
