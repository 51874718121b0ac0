import type { TestEvent } from 'node:test/reporters'
import { failure } from './reporter.ts'

/** How the tests of a file went. */
export interface FileResults {
  readonly file: string
  readonly passed: number
  /** Whatever did not pass: failed, cancelled, skipped or still to do. */
  readonly notPassed: number
  /** Each test that failed, with its error. */
  readonly failures: string
}

/** Writes `FileResults[]` as JSON, once all tests are through: a runner that dies writes nothing. */
export default async function* resultsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files = new Map<string, FileResults>()
  for await (const event of source) {
    if (event.type === 'test:summary' && event.data.file === undefined) yield JSON.stringify([...files.values()])
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { file = '', details, skip, todo } = event.data
    const { passed, notPassed, failures } = files.get(file) ?? { passed: 0, notPassed: 0, failures: '' }
    const isTest = details.type !== 'suite'
    const hasPassed = event.type === 'test:pass' && skip === undefined && todo === undefined
    files.set(file, {
      file,
      passed: passed + (isTest && hasPassed ? 1 : 0),
      notPassed: notPassed + (isTest && !hasPassed ? 1 : 0),
      failures: event.type === 'test:fail' ? failures + failure(event.data) : failures,
    })
  }
}
