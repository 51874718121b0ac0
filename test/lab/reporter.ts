import type { TestEvent } from 'node:test/reporters'

/** A line a file, and all there is to know of a test that fails. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:fail') {
      const { name, file, line, details } = event.data
      if (details.type === 'suite') continue
      const error = details.error as Error & { cause?: Error }
      yield `✖ ${name} (${file}:${line})\n${indent(String(error.cause?.stack ?? error.cause ?? error.stack))}\n`
    } else if (event.type === 'test:stderr') {
      yield event.data.message
    } else if (event.type === 'test:pass' && event.data.nesting === 0 && event.data.details.duration_ms > 1000) {
      yield `✔ ${event.data.name} (${(event.data.details.duration_ms / 1000).toFixed(1)} s)\n`
    }
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
