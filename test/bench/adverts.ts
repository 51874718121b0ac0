import { fileURLToPath } from 'node:url'
import type { LabNode } from '../lab/lan.ts'

export interface HeardAdvert {
  /** labTime */
  readonly at: number
  readonly source: string
  readonly virtualRouterID: number
  readonly priority: number
}

export interface Adverts {
  /** In the order they came. */
  readonly heard: readonly HeardAdvert[]
  close(): void
}

const LISTENER = fileURLToPath(new URL('listener.ts', import.meta.url))

/** Every advert that reaches a node that takes no part. A process of its own notes when: this one has other things to do at such a moment. */
export function listen(observer: LabNode): Adverts {
  const heard: HeardAdvert[] = []
  const [address = ''] = (observer.addresses[0] ?? '').split('/')
  const index = observer.run('cat', '/sys/class/net/eth0/ifindex').trim()
  const child = observer.spawn('node', [LISTENER, address, index], { stdio: ['ignore', 'pipe', 'inherit'] })
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [at, source = '', virtualRouterID, priority] = line.split(' ')
      heard.push({ at: Number(at), source, virtualRouterID: Number(virtualRouterID), priority: Number(priority) })
    }
  })
  return {
    heard,
    close() {
      child.kill('SIGKILL')
    },
  }
}
