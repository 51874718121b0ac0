import { PASSWORD_KEY } from '../api/names.ts'
import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { Fault } from './desired-routers.ts'

/** What a node has of the Secrets that its spec names: passwords, and keys of HMAC. */
export interface Passwords {
  /** By `secret/key`. */
  readonly known: Readonly<Record<string, Uint8Array>>
  /** Why a Secret may not be read, in a sentence, by its name. */
  readonly forbidden: Readonly<Record<string, string>>
  /** By `secret/key`: those of `known` that the Secret has no longer. */
  readonly removed?: readonly string[]
}

/** The keys of its Secret that a virtual router needs. */
export function secretKeys({ authentication }: Pick<VirtualRouterSpec, 'authentication'>): string[] {
  if (!authentication) return []
  const { hmac, secretRef } = authentication
  return authentication.type === 'HMAC' ? (hmac?.keys ?? []).map(({ key }) => key) : [secretRef.key ?? PASSWORD_KEY]
}

/** What a key of a Secret holds, or why that is not known. */
export function secretValue(name: string, key: string, { known, forbidden }: Passwords): Uint8Array | Fault {
  return known[`${name}/${key}`] ?? missing(name, key, known, forbidden[name])
}

/** Why what is known of a key is the last good one, not what the Secret holds now; undefined: nothing says so. */
export function secretTrouble(name: string, key: string, { forbidden, removed }: Passwords): Fault | undefined {
  const refusal = forbidden[name]
  if (refusal !== undefined) return { reason: 'SecretForbidden', message: refusal }
  if (!removed?.includes(`${name}/${key}`)) return undefined
  return { reason: 'SecretMissing', message: `Secret ${name} no longer has a key ${key}` }
}

function missing(name: string, key: string, known: Passwords['known'], refusal: string | undefined): Fault {
  if (refusal !== undefined) return { reason: 'SecretForbidden', message: refusal }
  const isRead = Object.keys(known).some(other => other.startsWith(`${name}/`))
  const message = isRead ? `Secret ${name} has no key ${key}` : `Secret ${name} with a key ${key} was not found`
  return { reason: 'SecretMissing', message }
}
