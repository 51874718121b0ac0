/** What one run of a check found; `message`: why it failed, in one line. */
export type Outcome = { readonly passed: true } | { readonly passed: false; readonly message: string }

/** One run of a check. Neither promise rejects. */
export interface Run {
  /** Known when the time limit has passed at the latest. */
  readonly outcome: Promise<Outcome>
  /** When nothing of it is left; a command that can't be killed ends long after its outcome. */
  readonly ended: Promise<void>
}
