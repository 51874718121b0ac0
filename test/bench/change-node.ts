/* Changes the annotations, and each tenth time the spec, of a VirtualIPNode as often as the API server lets it: change-node.ts KUBECONFIG NODE. */
import { openClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'

const [kubeconfig, name = ''] = process.argv.slice(2)
const AT_ONCE = 4
const SPEC_EVERY = 10
const RELEASED = { virtualIP: 'gone', family: 'IPv4', link: 'eth0', virtualRouterID: 250, priority: 100 }

const client = openClient({ kubeconfig })
let made = 0
setInterval(() => process.stdout.write(`${made}\n`), 500)
await Promise.all(Array.from({ length: AT_ONCE }, changeForEver))

async function changeForEver(): Promise<void> {
  for (let i = 1; ; i++) {
    const annotations = { storm: String(made) }
    const spec = i % SPEC_EVERY === 0 ? { spec: { released: i % (2 * SPEC_EVERY) ? [RELEASED] : [] } } : {}
    try {
      await client.mergePatch({ resource: VIRTUAL_IP_NODES, name }, { metadata: { annotations }, ...spec }, 'storm')
      made++
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
    }
  }
}
