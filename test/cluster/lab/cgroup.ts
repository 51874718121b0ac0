import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where a hierarchy of cgroups is mounted. */
interface Hierarchy {
  readonly folder: string
  readonly version: 1 | 2
  /** Version 1: needs its processors and memory nodes said before a process may enter. */
  readonly cpuset: boolean
}

/**
 * The same group in every hierarchy of this machine: those of version 1 and the one of version 2 beside them, as with systemd's hybrid
 * layout, or that of version 2 alone (untried).
 */
export class Cgroup {
  /** As a kubelet wants it, e.g. `/kube-vrrp-abc/node1`. */
  readonly path: string
  readonly #hierarchies: readonly Hierarchy[]
  readonly #unified: string

  constructor(path: string, hierarchies: readonly Hierarchy[] = mountedHierarchies()) {
    const unified = hierarchies.find(({ version }) => version === 2)
    if (!unified) throw new Error('No cgroup2 is mounted: nodes are killed and frozen by it')
    this.path = path
    this.#hierarchies = hierarchies
    this.#unified = join(unified.folder, path)
  }

  child(name: string): Cgroup {
    return new Cgroup(join(this.path, name), this.#hierarchies)
  }

  create(): void {
    for (const { folder, version, cpuset } of this.#hierarchies) {
      if (version === 2) passOnControllers(folder, this.path)
      mkdirSync(join(folder, this.path), { recursive: true })
      if (cpuset) copyCpuset(folder, this.path)
    }
  }

  /** The files that a process writes its ID to, to enter. */
  get entrances(): readonly string[] {
    return this.#hierarchies.map(({ folder }) => join(folder, this.path, 'cgroup.procs'))
  }

  /** SIGKILL to every process in it and below, in one instant. */
  kill(): void {
    if (existsSync(this.#unified)) writeFileSync(join(this.#unified, 'cgroup.kill'), '1')
  }

  /** Every process in it and below stands still; resolves when they do. */
  async freeze(): Promise<void> {
    writeFileSync(join(this.#unified, 'cgroup.freeze'), '1')
    while (!this.#hasEvent('frozen 1')) await sleep(1)
  }

  thaw(): void {
    if (existsSync(this.#unified)) writeFileSync(join(this.#unified, 'cgroup.freeze'), '0')
  }

  get isPopulated(): boolean {
    return this.#hasEvent('populated 1')
  }

  /** IDs of the processes in it and below. */
  get processes(): readonly number[] {
    return groupsBelow(this.#unified).flatMap(folder => numbersIn(join(folder, 'cgroup.procs')))
  }

  /** The group of that name somewhere below, e.g. a container's, by its ID. */
  find(name: string): Cgroup | undefined {
    const below = this.#unified
    const found = groupsBelow(below).find(folder => folder.endsWith(`/${name}`))
    return found === undefined ? undefined : new Cgroup(join(this.path, found.slice(below.length)), this.#hierarchies)
  }

  /** From now on it may have so many bytes more than it has, and is killed for the next one. */
  allowMemory(more: number): void {
    for (const { folder } of this.#hierarchies) {
      for (const [usage, limit] of [
        ['memory.usage_in_bytes', 'memory.limit_in_bytes'],
        ['memory.current', 'memory.max'],
      ] as const) {
        const file = join(folder, this.path, usage)
        if (existsSync(file)) writeFileSync(join(folder, this.path, limit), String(Number(lines(file)[0]) + more))
      }
    }
  }

  /** Kills what is in it, and removes it with all below it in every hierarchy. */
  async remove(): Promise<void> {
    this.thaw()
    this.kill()
    for (const deadline = performance.now() + REMOVED_WITHIN; ; await sleep(10)) {
      const left = this.#hierarchies.map(({ folder }) => join(folder, this.path)).filter(existsSync)
      if (left.every(removeGroups)) return
      if (performance.now() > deadline) throw new Error(`Cannot remove the cgroup ${this.path}: processes remain in it`)
    }
  }

  #hasEvent(event: string): boolean {
    return lines(join(this.#unified, 'cgroup.events')).includes(event)
  }
}

const REMOVED_WITHIN = 10_000

function mountedHierarchies(): Hierarchy[] {
  return lines('/proc/self/mountinfo').flatMap((line): Hierarchy[] => {
    const [mount = '', source = ''] = line.split(' - ')
    const folder = mount.split(' ')[4] ?? ''
    const [type, , options = ''] = source.split(' ')
    if (type === 'cgroup2') return [{ folder, version: 2, cpuset: false }]
    if (type === 'cgroup') return [{ folder, version: 1, cpuset: options.split(',').includes('cpuset') }]
    return []
  })
}

/** Version 2: a group has the controllers that its parents say. */
function passOnControllers(root: string, path: string): void {
  let folder = root
  for (const name of ['', ...path.split('/').filter(Boolean).slice(0, -1)]) {
    folder = join(folder, name)
    mkdirSync(folder, { recursive: true })
    const controllers = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ').filter(Boolean)
    const file = join(folder, 'cgroup.subtree_control')
    for (const controller of controllers) writeFileSync(file, `+${controller}`)
  }
}

function copyCpuset(root: string, path: string): void {
  let folder = root
  for (const name of path.split('/').filter(Boolean)) {
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      writeFileSync(join(folder, name, file), readFileSync(join(folder, file)))
    folder = join(folder, name)
  }
}

function groupsBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return [folder, ...entries.flatMap(({ name }) => groupsBelow(join(folder, name)))]
}

/** Whether it is gone. */
function removeGroups(folder: string): boolean {
  try {
    for (const group of groupsBelow(folder).reverse()) rmdirSync(group)
    return true
  } catch {
    return false
  }
}

function numbersIn(file: string): number[] {
  return lines(file).map(Number)
}

/** Of a file that may have gone. */
function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}
