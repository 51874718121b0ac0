import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { LabNode } from '../lab/lan.ts'

/** What a node's processes have used so far, all their threads. */
export interface Usage {
  /** On a processor, user and system, in ms. */
  readonly processor: number
  /** Resident, file-mapped pages included, in MiB. */
  readonly resident: number
}

export function usageOn(node: LabNode): Usage {
  const ids = execFileSync('ip', ['netns', 'pids', node.name], { encoding: 'utf8' }).split('\n').filter(Boolean)
  return ids
    .map(usageOf)
    .reduce((a, b) => ({ processor: a.processor + b.processor, resident: a.resident + b.resident }))
}

function usageOf(id: string): Usage {
  const threads = readdirSync(`/proc/${id}/task`)
  const processor = threads.map(thread => runTime(`/proc/${id}/task/${thread}/schedstat`)).reduce((a, b) => a + b)
  const [, kilobytes = '0'] = readFileSync(`/proc/${id}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m) ?? []
  return { processor, resident: Number(kilobytes) / 1024 }
}

/** Nanoseconds on a processor: /proc/PID/stat counts in ticks of 10 ms, which is all that one virtual router costs. */
function runTime(schedstat: string): number {
  const [nanoseconds = '0'] = readFileSync(schedstat, 'utf8').split(' ')
  return Number(nanoseconds) / 1e6
}
