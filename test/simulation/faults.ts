import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type { Family } from '../../src/lib/ip-address.ts'
import type { Millis } from '../../src/lib/time.ts'
import type { Machine, World } from './world.ts'

/** What befalls the world; machines by their index, and what lasts ends by itself after `length`. */
export type Fault =
  /** It stands still at its call that comes so many calls later: an instruction boundary; for good: it is killed there. */
  | { readonly type: 'stop'; readonly machine: number; readonly calls: number; readonly length: Millis }
  | {
      readonly type: 'freeze' | 'suspend' | 'powerOff' | 'cutOff' | 'mute'
      readonly machine: number
      readonly length: Millis
    }
  | { readonly type: 'kill' | 'start' | 'leave' | 'flush' | 'check' | 'cordon'; readonly machine: number }
  | { readonly type: 'wallClock'; readonly machine: number; readonly by: Millis }
  | { readonly type: 'link' | 'carrier' | 'linkLocal'; readonly machine: number; readonly length: Millis }
  | { readonly type: 'delete'; readonly machine: number; readonly virtualIP: string }
  | { readonly type: 'loss' | 'duplication' | 'reordering'; readonly share: number; readonly length: Millis }
  /** One-way where `to` does not hear `from`; `both`: neither hears the other. */
  | {
      readonly type: 'cut'
      readonly from: number
      readonly to: number
      readonly both: boolean
      /** What is lost: all, where it is not said. */
      readonly only?: Family
      readonly length: Millis
    }
  | { readonly type: 'partition'; readonly sides: number; readonly length: Millis }
  | { readonly type: 'apiDown'; readonly length: Millis }
  | { readonly type: 'edit'; readonly virtualIP: string; readonly spec: VirtualIPSpec }
  | { readonly type: 'deleteVirtualIP'; readonly virtualIP: string }

export function befall(world: World, fault: Fault): void {
  world.log('*', describeFault(fault))
  switch (fault.type) {
    case 'stop': {
      const { calls, length } = fault
      return void withProcess(world, fault.machine, machine => machine.process?.stopAfter(calls, length))
    }
    case 'freeze':
      return void withProcess(world, fault.machine, machine => {
        machine.process?.freeze(fault.length)
        machine.troubledAt = world.timeline.now
      })
    case 'mute':
      return void mute(world, machineOf(world, fault.machine), fault.length)
    case 'suspend':
      return void suspend(world, machineOf(world, fault.machine), fault.length)
    case 'powerOff':
      return void powerOff(world, machineOf(world, fault.machine), fault.length)
    case 'kill':
      return void world.kill(machineOf(world, fault.machine))
    case 'start':
      return void world.start(machineOf(world, fault.machine))
    case 'leave':
      return void world.leave(machineOf(world, fault.machine))
    case 'flush':
      return void flush(world, machineOf(world, fault.machine))
    case 'check': {
      const machine = machineOf(world, fault.machine)
      machine.checkPasses = !machine.checkPasses
      machine.troubledAt = world.timeline.now
      machine.process?.checksChanged()
      return
    }
    case 'cordon': {
      const { kernel } = machineOf(world, fault.machine)
      return void world.cordon(kernel.name)
    }
    case 'wallClock':
      machineOf(world, fault.machine).kernel.wallClockOff += fault.by
      return
    case 'link':
    case 'carrier':
      return void loseLink(world, machineOf(world, fault.machine), fault.type, fault.length)
    case 'linkLocal':
      return void loseLinkLocal(world, machineOf(world, fault.machine), fault.length)
    case 'delete':
      return void deleteByHand(world, machineOf(world, fault.machine), fault.virtualIP)
    case 'loss':
    case 'duplication':
    case 'reordering':
      return void disturb(world, fault.type, fault.share, fault.length)
    case 'cut':
    case 'partition':
      return void cut(world, pathsOf(world, fault), fault.length, fault.type === 'cut' ? fault.only : undefined)
    case 'cutOff':
      return void cutOff(world, machineOf(world, fault.machine), fault.length)
    case 'apiDown':
      world.plane.setDown(true)
      after(world, fault.length, () => world.plane.setDown(false))
      return
    case 'edit':
      return void world.edit(fault.virtualIP, fault.spec)
    case 'deleteVirtualIP':
      return void world.plane.delete(fault.virtualIP)
  }
}

/** `stop node2 calls=12 length=300` */
export function describeFault({ type, ...rest }: Fault): string {
  const parts = Object.entries(rest).map(([name, value]) => {
    if (name === 'machine') return `node${value + 1}`
    return `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`
  })
  return [type, ...parts].join(' ')
}

function machineOf(world: World, index: number): Machine {
  const machine = world.machines[index % world.machines.length]
  if (!machine) throw new RangeError(`No machine ${index}`)
  return machine
}

function withProcess(world: World, index: number, act: (machine: Machine) => void): void {
  const machine = machineOf(world, index)
  if (machine.process && !machine.process.isDead) act(machine)
}

function after(world: World, length: Millis, work: () => void): void {
  world.timeline.at(world.timeline.now + length, work)
}

function suspend(world: World, machine: Machine, length: Millis): void {
  const { kernel } = machine
  if (kernel.isSuspended || kernel.isOff) return
  machine.troubledAt = world.timeline.now
  kernel.suspend()
  after(world, length, () => {
    machine.resumedAt = world.timeline.now
    machine.troubledAt = world.timeline.now
    kernel.resume()
    world.log(kernel.name, 'resumes')
  })
}

function powerOff(world: World, machine: Machine, length: Millis): void {
  const { kernel } = machine
  if (kernel.isOff || kernel.isSuspended) return
  world.kill(machine)
  kernel.off()
  after(world, length, () => {
    kernel.isOff = false
    kernel.boot()
    world.start(machine)
  })
}

/** Its kernel refuses what it sends. */
function mute(world: World, machine: Machine, length: Millis): void {
  machine.isMuted = true
  machine.troubledAt = world.timeline.now
  after(world, length, () => {
    machine.isMuted = false
    machine.troubledAt = world.timeline.now
  })
}

/** nft flush ruleset */
function flush(world: World, { kernel }: Machine): void {
  kernel.table = undefined
  for (const text of kernel.addresses.keys()) world.watch.excuse(text)
  kernel.fenceChanged()
}

function loseLink(world: World, machine: Machine, type: 'link' | 'carrier', length: Millis): void {
  const { kernel } = machine
  if (!kernel.up || !kernel.carrier) return
  machine.troubledAt = world.timeline.now
  kernel.setLink(type !== 'link', type !== 'carrier')
  after(world, length, () => {
    kernel.setLink(true, true)
    machine.troubledAt = world.timeline.now
  })
}

/** It can serve no IPv6. */
function loseLinkLocal(world: World, machine: Machine, length: Millis): void {
  const { kernel } = machine
  machine.troubledAt = world.timeline.now
  kernel.setLinkLocal(false)
  after(world, length, () => {
    kernel.setLinkLocal(true)
    machine.troubledAt = world.timeline.now
  })
}

function deleteByHand(world: World, { kernel }: Machine, virtualIP: string): void {
  for (const text of world.textsOf(virtualIP)) {
    world.watch.excuse(text)
    kernel.remove(text)
  }
}

function disturb(world: World, type: 'loss' | 'duplication' | 'reordering', share: number, length: Millis): void {
  world.segment[type] += share
  after(world, length, () => {
    world.segment[type] = Math.max(0, world.segment[type] - share)
  })
}

function cut(world: World, paths: readonly (readonly [string, string])[], length: Millis, only?: Family): void {
  for (const [from, to] of paths) world.segment.cut(from, to, 1, only)
  after(world, length, () => {
    for (const [from, to] of paths) world.segment.cut(from, to, -1, only)
  })
}

function pathsOf(world: World, fault: Extract<Fault, { type: 'cut' | 'partition' }>): [string, string][] {
  if (fault.type === 'cut') {
    const [from, to] = [machineOf(world, fault.from).kernel.name, machineOf(world, fault.to).kernel.name]
    return fault.both ? [[from, to] as [string, string], [to, from]] : [[from, to]]
  }
  const names = world.machines.map(({ kernel }) => kernel.name)
  const side = (name: string) => (fault.sides >> (names.indexOf(name) % 8)) & 1
  return names.flatMap(one =>
    names.filter(other => side(one) !== side(other)).map((other): [string, string] => [one, other]),
  )
}

function cutOff(world: World, machine: Machine, length: Millis): void {
  const { name } = machine.kernel
  world.plane.setCutOff(name, true)
  after(world, length, () => {
    world.plane.setCutOff(name, false)
    machine.cutOffAt = world.timeline.now
  })
}
