import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { Fault } from './desired-routers.ts'

/** What a node has of the Secrets that its spec names. */
export interface Passwords {
  /** By `secret/key`. */
  readonly known: Readonly<Record<string, string>>
  /** Why a Secret may not be read, in a sentence, by its name. */
  readonly forbidden: Readonly<Record<string, string>>
}

/** The password that a virtual router is to have: undefined where it is to have none. */
export function passwordOf({ authentication }: VirtualRouterSpec, { known, forbidden }: Passwords) {
  if (!authentication) return undefined
  const { name, key = 'password' } = authentication.secretRef
  const text = known[`${name}/${key}`]
  return text === undefined ? { fault: missing(name, key, known, forbidden[name]) } : { text }
}

function missing(name: string, key: string, known: Passwords['known'], refusal: string | undefined): Fault {
  if (refusal !== undefined) return { reason: 'SecretForbidden', message: refusal }
  const isRead = Object.keys(known).some(other => other.startsWith(`${name}/`))
  const message = isRead ? `Secret ${name} has no key ${key}` : `Secret ${name} with a key ${key} was not found`
  return { reason: 'SecretMissing', message }
}
