import type { EventData } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

/** A line a file, and all there is to know of a test that fails. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:fail') {
      yield failure(event.data)
    } else if (event.type === 'test:stderr') {
      yield event.data.message
    } else if (event.type === 'test:pass' && event.data.nesting === 0 && event.data.details.duration_ms > 1000) {
      yield `✔ ${event.data.name} (${(event.data.details.duration_ms / 1000).toFixed(1)} s)\n`
    }
  }
}

/** A test that failed, with all there is to know; nothing of a suite, whose tests speak for themselves. */
export function failure({ name, file, line, details }: EventData.TestFail): string {
  if (details.type === 'suite') return ''
  const error = details.error as Error & { cause?: Error }
  const lines = String(error.cause?.stack ?? error.cause ?? error.stack).split('\n')
  const ofOurs = lines.filter(text => !/^ +at .*\bnode:/.test(text))
  return `✖ ${name} (${file}:${line})\n${indent(ofOurs.join('\n'))}\n`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
