import { PASSWORD_SECRET } from '../api/names.ts'
import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { SECRETS } from '../kube/resources.ts'
import { type Passwords, secretKeys, secretValue } from './passwords.ts'

/** The Secrets that the routers name. */
export function secretNames(routers: readonly VirtualRouterSpec[]): string[] {
  return [...new Set(routers.flatMap(({ authentication }) => (authentication ? [authentication.secretRef.name] : [])))]
}

/** Those of them whose passwords or keys are not all there. */
export function missingSecrets(routers: readonly VirtualRouterSpec[], passwords: Passwords): string[] {
  return secretNames(routers.filter(router => isMissing(router, passwords)))
}

/** What the routers name of what is known: the rest is nobody's to keep. */
export function namedPasswords(routers: readonly VirtualRouterSpec[], known: Passwords['known']): Passwords['known'] {
  const named = keysOf(routers)
  return Object.fromEntries(Object.entries(known).filter(([key]) => named.has(key)))
}

/**
 * Reads the Secrets that the routers name. What was `had` of one that can't be read stays in force, and so does what a router names and the Secret
 * has no longer: that is `removed`. `onTrouble`: why it can't be read, in a sentence.
 */
export async function readPasswords(
  client: KubeClient,
  routers: readonly VirtualRouterSpec[],
  had: Passwords,
  onTrouble: (sentence: string) => void,
): Promise<Passwords> {
  const forbidden: Record<string, string> = {}
  const named = Object.entries(namedPasswords(routers, had.known))
  const read = secretNames(routers).map(async name => {
    const before = named.filter(([key]) => key.startsWith(`${name}/`))
    try {
      const now = await readSecret(client, name)
      return { known: [...before, ...now], removed: without(before, now) }
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.reason === 'Forbidden') forbidden[name] = forbiddenSecret(name)
      onTrouble(forbidden[name] ?? error.message)
      const wereRemoved = before.map(([key]) => key).filter(key => had.removed?.includes(key))
      return { known: before, removed: error.status === 404 ? without(before, []) : wereRemoved }
    }
  })
  const all = await Promise.all(read)
  return {
    known: Object.fromEntries(all.flatMap(({ known }) => known)),
    forbidden,
    removed: all.flatMap(({ removed }) => removed),
  }
}

type Entries = readonly (readonly [string, Uint8Array])[]

/** The keys of `before` that are not in `now`. */
function without(before: Entries, now: Entries): string[] {
  const has = new Set(now.map(([key]) => key))
  return before.map(([key]) => key).filter(key => !has.has(key))
}

/** `secret/key` of all that the routers need. */
function keysOf(routers: readonly VirtualRouterSpec[]): ReadonlySet<string> {
  return new Set(
    routers.flatMap(router => secretKeys(router).map(key => `${router.authentication?.secretRef.name ?? ''}/${key}`)),
  )
}

/** By `secret/key`. Throws a KubeError. */
async function readSecret(client: KubeClient, name: string): Promise<[string, Uint8Array][]> {
  const ref = { resource: SECRETS, namespace: client.namespace, name }
  const { data = {} } = await client.get<{ data?: Record<string, string> }>(ref)
  return Object.entries(data).map(([key, value]) => [`${name}/${key}`, Uint8Array.fromBase64(value)])
}

function isMissing(router: VirtualRouterSpec, passwords: Passwords): boolean {
  const name = router.authentication?.secretRef.name ?? ''
  return secretKeys(router).some(key => !(secretValue(name, key, passwords) instanceof Uint8Array))
}

function forbiddenSecret(name: string): string {
  return `Cannot read Secret ${name}: agents may read only the Secret that the chart's value agent.passwordSecret names (${PASSWORD_SECRET} unless it was changed): put the passwords and keys there, or name that one in the value`
}
