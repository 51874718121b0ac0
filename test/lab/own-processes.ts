import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { behind } from './behind.ts'
import type { LabNode } from './lan.ts'

/** While /proc is still the lab's, /proc/self says what the first process is called there. */
const FIRST_PROCESS = 'read id rest </proc/self/stat; echo "$id"; mount -t proc proc /proc; echo; exec sleep infinity'

/**
 * The same node, where what is spawned sees the processes of this node alone. A signal to a spawned process does not reach it: it
 * ends by itself, or with the node.
 */
export async function withOwnProcesses(node: LabNode): Promise<LabNode> {
  const unshared = ['--pid', '--fork', '--kill-child', '--mount']
  const first = node.spawn('unshare', [...unshared, 'sh', '-c', FIRST_PROCESS], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  while (!output.endsWith('\n\n')) {
    const [chunk] = await once(first.stdout as Readable, 'data')
    output += chunk
  }
  return behind(node, ['nsenter', '--target', output.trim(), '--pid', '--mount'])
}
