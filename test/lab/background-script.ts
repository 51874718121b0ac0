import { once } from 'node:events'
import type { LabNode } from './lan.ts'

/** Runs a program of the lab on a node until `stop`, which gives all that it has printed. Resolves when it has begun to print. */
export async function startScript(
  node: LabNode,
  path: string,
  args: readonly string[],
): Promise<{ stop(): Promise<string> }> {
  const child = node.spawn('node', [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error(`${path} without output`)
  const begun = once(child.stdout, 'data')
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const ended = once(child, 'close')
  await begun
  return {
    async stop() {
      child.stdin?.end()
      await ended
      return output
    },
  }
}
