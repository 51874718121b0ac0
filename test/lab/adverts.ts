import { fileURLToPath } from 'node:url'
import { startScript } from './background-script.ts'
import type { LabNode } from './lan.ts'

const WATCH = fileURLToPath(new URL('advert-watch.ts', import.meta.url))

/** Notes from `client` when `address` (IPv4) is advertised, until `stop`, which gives the times in labTime. Resolves when it has begun. */
export async function watchAdverts(client: LabNode, address: string): Promise<{ stop(): Promise<readonly number[]> }> {
  const watch = await startScript(client, WATCH, ['eth0', address])
  return {
    async stop() {
      const output = await watch.stop()
      return JSON.parse(output.slice(output.indexOf('\n'))) as number[]
    },
  }
}
