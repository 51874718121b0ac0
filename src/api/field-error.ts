/** Where a value stands in its object: field names and list indices. */
export type FieldPath = readonly (string | number)[]

/** A field that can't be as it is. */
export interface FieldError {
  /** As Kubernetes writes it: `spec.addresses[0]`. */
  readonly path: string
  readonly at: FieldPath
  /** As the API server words it: `Invalid value: "10.0.0.300": must be …`, `Required value`. */
  readonly message: string
}

export function fieldError(at: FieldPath, message: string): FieldError {
  return { path: formatPath(at), at, message }
}

/** A refused value and what it must be. */
export function invalidValue(at: FieldPath, value: unknown, sentence: string): FieldError {
  const shown = value === undefined || (typeof value === 'object' && value !== null) ? '' : `${JSON.stringify(value)}: `
  return fieldError(at, `Invalid value: ${shown}${sentence}`)
}

/** One sentence an error: `spec.virtualRouterID: Invalid value: 0: should be greater than or equal to 1; spec.…`. */
export function describeFieldErrors(errors: readonly FieldError[]): string {
  return errors.map(describeFieldError).join('; ')
}

export function describeFieldError(error: FieldError): string {
  return error.path === '' ? error.message : `${error.path}: ${error.message}`
}

function formatPath(at: FieldPath): string {
  return at.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('')
}
