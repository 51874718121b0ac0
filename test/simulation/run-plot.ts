import type { Millis } from '../../src/lib/time.ts'
import { activeDownInterval } from '../../src/vrrp/timers.ts'
import { engineTap } from './engine-tap.ts'
import { befall } from './faults.ts'
import { MARK } from './kernel.ts'
import type { Plot } from './plot.ts'
import { type Violation, World } from './world.ts'

export interface Ended {
  readonly violation: Violation | undefined
  readonly engineSteps: number
  readonly faults: number
  /** How much time went by in the world. */
  readonly length: Millis
  readonly longestOverlap: Millis
  readonly longestUnanswered: Millis
  /** Where it was asked for. */
  readonly transcript: readonly string[]
}

/** What befalls the world, then calm, in which all must end well. */
export async function runPlot(plot: Plot, isTold = false): Promise<Ended> {
  const before = engineTap.steps
  const world = new World(plot, isTold)
  let faults = 0
  try {
    await world.run(settling(plot))
    for (const [after, fault] of plot.faults) {
      await world.run(after)
      if (world.violation) break
      befall(world, fault)
      faults++
    }
    if (!world.violation) await endWell(world, plot)
  } catch (error) {
    world.violate('exception', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  engineTap.current = undefined
  return {
    violation: world.violation,
    engineSteps: engineTap.steps - before,
    faults,
    length: world.timeline.now,
    longestOverlap: world.watch.longestOverlap,
    longestUnanswered: world.watch.longestUnanswered,
    transcript: world.transcript ?? [],
  }
}

/** What lasts is over by then. */
const FAULTS_END: Millis = 16_000
/** Addresses, Leases and what was observed are as old as they may become. */
const REPORTED: Millis = 16_000
/** What a lost frame has hosts believe is over by then: decision 10. */
const REFRESHED: Millis = 65_000
/** Where all is decided nothing happens. */
const STEADY: Millis = 5000

async function endWell(world: World, plot: Plot): Promise<void> {
  await world.run(FAULTS_END)
  for (const machine of world.machines) {
    world.start(machine)
    if (!machine.checkPasses) befall(world, { type: 'check', machine: world.machines.indexOf(machine) })
  }
  world.uncordonAll()
  // Who was told to leave has left by then.
  await world.run(5 * longestInterval(world) + 100)
  for (const machine of world.machines) world.start(machine)
  await world.run(settling(plot) + 4 * longestInterval(world) + REPORTED)
  // Not in every world, for it is long.
  if (plot.seed % 8 === 0) await world.run(REFRESHED)
  if (world.violation) return
  const transitions = new Map(world.machines.map(machine => [machine, sinces(machine)]))
  await world.run(STEADY)
  for (const machine of world.machines) {
    if (sinces(machine) !== transitions.get(machine)) world.violate('calm', `${machine.kernel.name} has no rest`)
  }
  for (const name of world.plane.virtualIPs.keys()) {
    for (const family of ['IPv4', 'IPv6']) endsWell(world, name, family)
  }
  for (const { kernel, source } of world.machines) {
    for (const [text, { protocol }] of kernel.addresses) {
      const isWanted = source?.spec.virtualRouters.some(({ addresses }) =>
        addresses.some(each => each.startsWith(`${text}/`)),
      )
      if (protocol === MARK && !isWanted) world.violate('no address without a resource', `${kernel.name} has ${text}`)
    }
    // What the machine has of its own.
    if ([...kernel.addresses.values()].filter(({ protocol }) => protocol !== MARK).length !== 3) {
      world.violate('foreign address', `${kernel.name} has lost an address of its own`)
    }
  }
}

function sinces({ process }: World['machines'][number]): string {
  return JSON.stringify([...(process?.engines ?? [])].map(([key, { state, since }]) => [key, state, since]))
}

/** One answers: the highest, where it preempts; it alone says to be MASTER, the cluster says so, and hosts believe it. */
function endsWell(world: World, name: string, family: string): void {
  const { plane, machines, host } = world
  const virtualIP = plane.virtualIPs.get(name)
  const engines = machines.flatMap(machine =>
    [...(machine.process?.engines ?? [])]
      .filter(([key]) => key === `${name}/${family}`)
      .map(([, engine]) => ({ machine, engine })),
  )
  if (engines.length === 0) return
  const active = engines.filter(({ engine }) => engine.state === 'Active')
  const [master] = active
  if (!master || active.length > 1) {
    world.violate(
      'one at last',
      `${name}: ${active.map(({ machine }) => machine.kernel.name).join(' ')} Active at last`,
    )
    return
  }
  const highest = Math.max(...engines.map(({ engine }) => engine.config.priority))
  if (master.engine.config.preemption.mode !== 'Never' && master.engine.config.priority < highest) {
    world.violate('highest at last', `${name}: ${master.machine.kernel.name} is Active, and not the highest`)
  }
  for (const { text } of master.engine.config.addresses) {
    const answering = machines.filter(({ kernel }) => kernel.answers(text))
    if (answering.length !== 1 || answering[0] !== master.machine) {
      world.violate('one at last', `${text}: ${answering.map(({ kernel }) => kernel.name).join(' ')} answers at last`)
    }
    const neighbor = host.neighbors.get(text)
    if (world.segment.troubledAt > 0 && world.timeline.now - world.segment.troubledAt < REFRESHED) continue
    if (neighbor !== undefined && neighbor !== master.machine.kernel.mac[5]) {
      world.violate('hosts know', `${text}: the host believes node${neighbor}, ${master.machine.kernel.name} is Active`)
    }
  }
  const { status } = virtualIP ?? {}
  // Of families that are Separate it is the MASTER of the first.
  const isSecond = family === 'IPv6' && machines.some(({ process }) => process?.engines.has(`${name}/IPv4`))
  if (!isSecond && status?.master !== master.machine.kernel.name) {
    world.violate('status', `${name}: status.master is ${status?.master}, ${master.machine.kernel.name} is Active`)
  }
  for (const { machine } of engines) {
    // What is over is told of no more; a kernel without nf_tables goes on being one.
    const lasting = machine.process?.options.hasFence === false ? 'FenceMissing' : ''
    for (const { virtualIP: its, observations = [] } of machine.process?.loop?.status() ?? []) {
      const told = observations.map(({ reason }) => reason).join(' ')
      if (its === name && told !== lasting) world.violate('observations', `${name}: ${told} is told, not ${lasting}`)
    }
  }
}

function longestInterval(world: World): Millis {
  return Math.max(
    200,
    ...world.machines.flatMap(({ process }) =>
      [...(process?.engines.values() ?? [])].map(({ config }) => config.advertisementInterval),
    ),
  )
}

function settling({ virtualIPs }: Plot): Millis {
  const waits = Object.values(virtualIPs).map(({ version = 3, advertisementInterval = '1s', preemption }) => {
    const interval = advertisementInterval.endsWith('ms') ? Number.parseInt(advertisementInterval, 10) : 1000
    const delay = preemption?.delay ? 3000 : 0
    return 2 * activeDownInterval(version as 2 | 3, 1, interval) + delay
  })
  return 500 + Math.max(...waits)
}
