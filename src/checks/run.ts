/** What one run of a check found; `message`: why it failed, in one line. */
export type Outcome =
  /** `number`: what is to be weighed. */
  | { readonly passed: true; readonly number?: number }
  /** `unknown`: nothing could be found out, so that the contrary is not so either. */
  | { readonly passed: false; readonly message: string; readonly unknown?: true }

export type Failure = Extract<Outcome, { readonly passed: false }>

export function failed(message: string): Failure {
  return { passed: false, message }
}

/** Nothing could be found out. */
export function unknown(message: string): Failure {
  return { passed: false, message, unknown: true }
}

/** One run of a check. Neither promise rejects. */
export interface Run {
  /** Known when the time limit has passed at the latest. */
  readonly outcome: Promise<Outcome>
  /** When nothing of it is left; a command that can't be killed ends long after its outcome. */
  readonly ended: Promise<void>
}

/** `run` with its outcome turned round; `found`: what it has found where it passes. */
export function inverted({ outcome, ended }: Run, found: string): Run {
  return { outcome: outcome.then(one => contrary(one, found)), ended }
}

function contrary(outcome: Outcome, found: string): Outcome {
  if (outcome.passed) return failed(`${found}, and should not (inverse)`)
  return outcome.unknown ? outcome : { passed: true }
}
