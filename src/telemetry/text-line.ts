/** A JSON log line as people read it: time, level, sentence, then the fields. Pure. */
export function textLine(json: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
  const head = `${time} ${String(level).toUpperCase().padEnd(5)} ${msg ?? ''}`
  return `${[head, ...rest].join('  ')}\n${stackOf(err)}`
}

function plain(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null || !('stack' in err)) return ''
  return `${String(err.stack).replace(/^/gm, '    ')}\n`
}
