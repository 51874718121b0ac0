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

/** Reads those Secrets; one that can't be read leaves what was `had` of it in force. `onTrouble`: why not, in a sentence. */
export async function readPasswords(
  client: KubeClient,
  names: readonly string[],
  had: Passwords,
  onTrouble: (sentence: string) => void,
): Promise<Passwords> {
  const forbidden: Record<string, string> = {}
  const read = names.map(async name => {
    const before = Object.entries(had.known).filter(([key]) => key.startsWith(`${name}/`))
    try {
      return [...before, ...(await readSecret(client, name))]
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.reason === 'Forbidden') forbidden[name] = forbiddenSecret(name)
      onTrouble(forbidden[name] ?? error.message)
      return before
    }
  })
  return { known: Object.fromEntries((await Promise.all(read)).flat()), forbidden }
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
