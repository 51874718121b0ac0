import type { Plot } from './plot.ts'
import { runPlot } from './run-plot.ts'

/** The same fault of ours in a smaller world, in which less befalls it. `budget`: how many runs that may take. */
export async function shrink(plot: Plot, invariant: string, budget = 300): Promise<Plot> {
  let smallest = plot
  let left = budget
  const fails = async (candidate: Plot): Promise<boolean> => {
    if (left-- <= 0) return false
    const { violation } = await runPlot(candidate)
    if (violation?.invariant !== invariant) return false
    smallest = candidate
    return true
  }
  for (let length = smallest.faults.length; length >= 1 && left > 0; length = Math.floor(length / 2)) {
    for (let at = 0; at < smallest.faults.length && left > 0; ) {
      if (!(await fails(without(smallest, at, length)))) at += length
    }
  }
  for (const simpler of SIMPLER) await fails(simpler(smallest))
  for (const name of Object.keys(plot.virtualIPs)) await fails(withoutVirtualIP(smallest, name))
  while (smallest.machines > 2 && (await fails({ ...smallest, machines: smallest.machines - 1 })));
  for (let at = 0; at < smallest.faults.length && left > 0; ) {
    if (!(await fails(without(smallest, at, 1)))) at++
  }
  return smallest
}

const SIMPLER: readonly ((plot: Plot) => Plot)[] = [
  plot => ({ ...plot, lateness: 0 }),
  plot => ({ ...plot, jitter: 0 }),
  plot => ({ ...plot, delay: 0 }),
  plot => ({ ...plot, callTime: 0 }),
  plot => ({ ...plot, tick: 0 }),
  plot => ({ ...plot, handover: 0 }),
]

/** What would have come after the faults left out comes at the same time. */
function without(plot: Plot, at: number, length: number): Plot {
  const faults = [...plot.faults]
  const gone = faults.splice(at, length)
  const next = faults[at]
  if (next) faults[at] = [next[0] + gone.reduce((sum, [after]) => sum + after, 0), next[1]]
  return { ...plot, faults }
}

function withoutVirtualIP(plot: Plot, name: string): Plot {
  const { [name]: _, ...virtualIPs } = plot.virtualIPs
  const faults = plot.faults.filter(([, fault]) => !('virtualIP' in fault) || fault.virtualIP !== name)
  return Object.keys(virtualIPs).length === 0 ? plot : { ...plot, virtualIPs, faults }
}
