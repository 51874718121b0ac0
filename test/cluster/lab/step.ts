/** Does `work` and says on the standard error output how long it took; while it lasts, a line every 15 s says so. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  const waiting = setInterval(() => say(`… ${name}, ${seconds().toFixed(0)} s so far`), 15_000)
  try {
    const result = await work()
    say(`${name} (${seconds().toFixed(1)} s)`)
    return result
  } finally {
    clearInterval(waiting)
  }
}

export function say(text: string): void {
  process.stderr.write(`  ${text}\n`)
}
