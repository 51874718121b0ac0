import type { Check } from '../api/check.ts'
import { addsItsNumber } from '../api/file-number.ts'
import type { StartCheck } from './check.ts'
import type { CheckResult } from './repeat.ts'

/**
 * The checks of a node, by keys of the caller's. Those that look at the same thing in the same way are run once, whoever asks; a check
 * that is there before and after `set` runs on and keeps its verdict.
 */
export class CheckSet {
  readonly #onResult: (keys: readonly string[], result: CheckResult) => void
  readonly #start: StartCheck
  readonly #later: (work: () => void) => void
  #running = new Map<string, Running>()
  #byKey = new Map<string, Running>()

  /** `onResult` is told every key's first result and each change of it, once for all of one check, always after `set` has returned. */
  constructor(
    onResult: (keys: readonly string[], result: CheckResult) => void,
    start: StartCheck,
    later: (work: () => void) => void = queueMicrotask,
  ) {
    this.#onResult = onResult
    this.#start = start
    this.#later = later
  }

  /** Exactly these from now on. */
  set(checks: ReadonlyMap<string, Check>): void {
    const before = this.#byKey
    const running = new Map<string, Running>()
    const joined = new Map<Running, string[]>()
    this.#byKey = new Map()
    for (const [key, check] of checks) {
      const id = identity(check)
      const one = running.get(id) ?? this.#running.get(id) ?? this.#begin(check)
      running.set(id, one)
      this.#byKey.set(key, one)
      if (one.result && before.get(key) !== one) joined.set(one, [...(joined.get(one) ?? []), key])
    }
    for (const [one, keys] of joined) this.#tellLater(keys, one)
    for (const [id, one] of this.#running) if (!running.has(id)) one.close()
    this.#running = running
  }

  /** Undefined while the check has no result, or where there is no such check. */
  result(key: string): CheckResult | undefined {
    return this.#byKey.get(key)?.result
  }

  close(): void {
    this.set(new Map())
  }

  #begin(check: Check): Running {
    const { close } = this.#start(check, result => {
      one.result = result
      const keys = this.#keysOf(one)
      if (keys.length > 0) this.#onResult(keys, result)
    })
    const one: Running = { result: undefined, close }
    return one
  }

  #keysOf(wanted: Running): string[] {
    return [...this.#byKey].flatMap(([key, one]) => (one === wanted ? [key] : []))
  }

  #tellLater(keys: readonly string[], one: Running): void {
    this.#later(() => {
      const still = keys.filter(key => this.#byKey.get(key) === one)
      if (still.length > 0 && one.result) this.#onResult(still, one.result)
    })
  }
}

interface Running {
  result: CheckResult | undefined
  readonly close: () => void
}

/** What makes two checks the same run; what their results are called and weigh does not. */
function identity(check: Check): string {
  const { process, exec, http, tcp, link, file, route, pods, inverse, initialDelay, interval, timeout, fall, rise } =
    check
  const looks = [
    process?.name,
    exec?.command,
    http,
    tcp,
    link?.name,
    file,
    route,
    pods,
    addsItsNumber(check),
    inverse ?? false,
  ]
  return JSON.stringify([...looks, initialDelay, interval, timeout, fall, rise])
}
