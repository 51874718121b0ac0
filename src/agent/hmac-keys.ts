import type { Authentication } from '../api/authentication.ts'
import { isKeyLength } from '../lib/hmac-key.ts'
import { type Millis, parseDuration } from '../lib/time.ts'
import type { Fault } from './desired-routers.ts'
import type { HmacKeys } from './hmac-authentication.ts'
import { type Passwords, secretTrouble, secretValue } from './passwords.ts'

/**
 * The keys that a virtual router is to sign and verify with, and what is wrong with one of them; a fault where it has none to sign with. Of a key
 * that can't be used what it `had` under its ID stays, one that the Secret has no longer goes on, and where that was to be signed with and is not there, all that it had.
 */
export function hmacKeys(
  { secretRef: { name }, hmac }: Authentication,
  passwords: Passwords,
  had: HmacKeys | undefined,
): { readonly keys: HmacKeys; readonly trouble: Fault | undefined } | { readonly fault: Fault } {
  const { keys: wanted = [], activeKey, mode = 'Enforce', timeWindow = '' } = hmac ?? {}
  const found = wanted.map(({ id, key }) => ({ id, ...keyIn(name, key, passwords) }))
  const keys = new Map(
    found.flatMap(({ id, bytes = had?.keys.get(id) }): [number, Uint8Array][] => (bytes ? [[id, bytes]] : [])),
  )
  const trouble = found.find(({ fault }) => fault)?.fault
  const active = activeKey ?? wanted[0]?.id ?? 0
  const rest = { mode, timeWindow: parseDuration(timeWindow) ?? DEFAULT_WINDOW }
  if (keys.has(active)) return { keys: { ...rest, keys, activeKey: active }, trouble }
  const fault = found.find(({ id }) => id === active)?.fault ?? NO_KEY
  if (!had) return { fault }
  return { keys: { ...rest, keys: new Map([...had.keys, ...keys]), activeKey: had.activeKey }, trouble: fault }
}

/** A key of the right length, and what is wrong with it, or why there is none. */
function keyIn(
  name: string,
  key: string,
  passwords: Passwords,
): { readonly bytes?: Uint8Array; readonly fault?: Fault | undefined } {
  const value = secretValue(name, key, passwords)
  if (!(value instanceof Uint8Array)) return { fault: value }
  if (isKeyLength(value.length)) return { bytes: value, fault: secretTrouble(name, key, passwords) }
  const message = `Key ${key} of Secret ${name} has ${value.length} bytes, a key of HMAC must have 32 to 64 (openssl rand -hex 32 makes one; mind a newline at its end)`
  return { fault: { reason: 'SecretInvalid', message } }
}

/** The plan writes another one out. */
const DEFAULT_WINDOW: Millis = 5000

const NO_KEY: Fault = { reason: 'SecretMissing', message: 'No key of HMAC is given to sign with' }
