import type { Millis } from '../lib/time.ts'

/**
 * Why the API server did not do it. Beside the API's own reasons (NotFound, Conflict, Forbidden, …):
 * `Unreachable`: no connection; `TimedOut`: no answer in time; `Untrusted`: its certificate was refused;
 * `Garbled`: not an answer of an API server; `Misconfigured`: there is no usable kubeconfig.
 */
export class KubeError extends Error {
  readonly reason: string
  /** HTTP status; absent: there was no answer. */
  readonly status: number | undefined
  /** The API server asked to be left alone for this long. */
  readonly retryAfter: Millis | undefined

  constructor(
    message: string,
    details: { reason: string; status?: number; retryAfter?: Millis | undefined; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'KubeError'
    this.reason = details.reason
    this.status = details.status
    this.retryAfter = details.retryAfter
  }
}

/** Whether `error` is the API server's word that something is so, e.g. `hasReason(error, 'NotFound')`. */
export function hasReason(error: unknown, reason: string): error is KubeError {
  return error instanceof KubeError && error.reason === reason
}

/** An answer with status 400 and up, as an error that says what to do where we know it. */
export function refusal(action: string, status: number, body: string, retryAfter?: Millis): KubeError {
  const said = parseStatus(body)
  const reason = said.reason ?? REASON[status] ?? 'Refused'
  const advice = ADVICE[reason]
  return new KubeError(`${action}: ${status} ${said.message ?? reason}${advice ? ` (${advice})` : ''}`, {
    reason,
    status,
    retryAfter,
  })
}

/** A connection that failed or broke. */
export function unreachable(action: string, server: string, cause: unknown): KubeError {
  const code = codeOf(cause)
  if (UNTRUSTED.test(code)) {
    return new KubeError(
      `${action}: ${code} (the certificate of ${server} is not signed by the kubeconfig's certificate-authority)`,
      { reason: 'Untrusted', cause },
    )
  }
  return new KubeError(`${action}: ${code} (is the API server at ${server} running and within reach?)`, {
    reason: 'Unreachable',
    cause,
  })
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/

const REASON: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
}

const ADVICE: Readonly<Record<string, string>> = {
  Unauthorized: 'the API server does not accept these credentials: check the token or certificate of the kubeconfig',
  Forbidden: 'the chart, or deploy/install.yaml, gives kube-vrrp the rights that it needs',
}

function parseStatus(body: string): { reason?: string; message?: string } {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return {}
    return {
      ...('reason' in parsed && typeof parsed.reason === 'string' && parsed.reason && { reason: parsed.reason }),
      ...('message' in parsed && typeof parsed.message === 'string' && { message: parsed.message }),
    }
  } catch {
    return {}
  }
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if ('code' in cause && typeof cause.code === 'string') return cause.code
  return cause.message
}
