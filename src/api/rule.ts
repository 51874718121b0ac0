/** What a field's type can't say. The value at `path` keeps the rule when `check` says so. */
export interface Rule {
  /** From the object's root; `[*]` is every item of a list: `spec.checks[*]`. */
  readonly path: string
  /** The field of the value at `path` that is at fault, where it is one. */
  readonly field?: string
  /** `self` has the type that the schema gives `path`. */
  readonly check: (self: never) => boolean
  /** What to do, after "Invalid value: …: ". */
  readonly message: string
}

/** A rule that the API server checks too: `cel` says in CEL what `check` says in TypeScript. */
export interface CelRule extends Rule {
  readonly cel: string
}
