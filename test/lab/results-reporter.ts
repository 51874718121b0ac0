import type { TestEvent } from 'node:test/reporters'
import { failure } from './reporter.ts'

export interface Results {
  readonly passed: number
  /** Whatever did not pass: failed, cancelled, skipped or still to do. */
  readonly notPassed: number
  /** Each test that failed, with its error. */
  readonly failures: string
}

/** Writes `Results` as JSON, once all tests are through: a runner that dies writes nothing. */
export default async function* resultsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let failures = ''
  for await (const event of source) {
    if (event.type === 'test:fail') failures += failure(event.data)
    if (event.type !== 'test:summary' || event.data.file !== undefined) continue
    // Its declared type lacks `failed`.
    const { passed, failed, cancelled, skipped, todo } = event.data.counts as typeof event.data.counts & {
      failed: number
    }
    yield JSON.stringify({ passed, notPassed: failed + cancelled + skipped + todo, failures } satisfies Results)
  }
}
