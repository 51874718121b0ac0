import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Check } from '../api/check.ts'
import { describeFileErrors, parseVirtualIPFile, type VirtualIPFile } from '../api/virtual-ip-file.ts'
import type { LinkStatus, VirtualIPNodeSpec, VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { weakWeights } from '../plan/check-rules.ts'
import { type Plan, plan, type VirtualIPPlan } from '../plan/plan.ts'
import type { Logger } from '../telemetry/logger.ts'
import { filePlanInput } from './file-plan-input.ts'

/** An editor writes a file in several steps; it is read when nothing has happened to it for this long, in ms. */
const QUIET = 100

export interface FileSpec {
  readonly spec: VirtualIPNodeSpec
  /** Passwords and keys by `secret/key`. */
  readonly passwords: Readonly<Record<string, Uint8Array>>
  readonly plan: Plan
}

/** File mode's stand-in for controller and API server: the file's VirtualIPs, planned by this node for itself. */
export class FileSource {
  readonly #path: string
  readonly #node: string
  readonly #links: () => LinkStatus[]
  readonly #apply: (spec: FileSpec) => void
  readonly #logger: Logger
  #file: VirtualIPFile | undefined
  #applied = ''
  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  #subnets = ''
  #said = new Set<string>()
  #watcher: FSWatcher | undefined
  #quiet: NodeJS.Timeout | undefined
  /** Why the file as it is now is not what runs. */
  problem: string | undefined

  constructor(options: {
    file: string
    node: string
    links: () => LinkStatus[]
    apply: (spec: FileSpec) => void
    logger: Logger
  }) {
    this.#path = options.file
    this.#node = options.node
    this.#links = options.links
    this.#apply = options.apply
    this.#logger = options.logger
  }

  /** Reads the file and goes on watching it. Throws with every error it has where it can't be used the first time. */
  start(): void {
    this.#read()
    if (!this.#file) throw new Error(this.problem)
    // The folder, not the file: editors and Kubernetes' mounts replace files.
    this.#watcher = watch(dirname(this.#path), (_, name) => {
      if (name !== null && name !== basename(this.#path) && name !== '..data') return
      clearTimeout(this.#quiet)
      this.#quiet = setTimeout(() => this.reload(), QUIET)
    })
    this.#watcher.on('error', error =>
      this.#logger.warn(`Cannot watch ${this.#path}: ${error.message} (send SIGHUP after a change)`),
    )
  }

  /** Reads the file again; with errors in it, all goes on as it was. */
  reload(): void {
    const before = this.problem
    this.#read()
    if (this.problem === undefined) this.#logger.info(`Read ${this.#path}`)
    else if (this.problem !== before) this.#logger.error(`${this.problem}\nThe last good configuration goes on`)
  }

  /** Links or addresses came or went, ours included: a VirtualIP may have found its link. */
  linksChanged(): void {
    if (this.#file && this.#subnets !== subnetsText(this.#links())) this.#plan(this.#file)
  }

  close(): void {
    clearTimeout(this.#quiet)
    this.#watcher?.close()
  }

  #read(): void {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      this.problem = `Cannot read ${this.#path}: ${(error as NodeJS.ErrnoException).code}`
      return
    }
    const parsed = parseVirtualIPFile(text)
    if (Array.isArray(parsed)) {
      this.problem = describeFileErrors(this.#path, parsed)
      return
    }
    this.problem = undefined
    this.#file = parsed
    this.#plan(parsed)
  }

  #plan(file: VirtualIPFile): void {
    const links = this.#links()
    this.#subnets = subnetsText(links)
    const planned = plan(filePlanInput(file, links))
    this.#say(file, planned)
    const ended = this.#spec.virtualRouters.filter(router => !isRun(router, planned))
    const told = withoutInitial(planned.nodes.get(this.#node) ?? { virtualRouters: [] })
    const spec = ended.length === 0 ? told : { ...told, released: ended.map(router => ({ ...router, ended: true })) }
    this.#spec = spec
    const result: FileSpec = { spec, passwords: passwordsOf(file), plan: planned }
    const text = JSON.stringify([result.spec, result.passwords])
    if (text === this.#applied) return
    this.#applied = text
    this.#apply(result)
  }

  /** What the user should know of it, once until it is otherwise. */
  #say(file: VirtualIPFile, planned: Plan): void {
    const names = new Set(planned.nodes.keys())
    const sentences = file.virtualIPs.flatMap(({ metadata: { name }, spec }) => {
      const outcome = planned.virtualIPs.get(name)
      return outcome ? remarks(outcome, spec.checks ?? [], this.#node, names).map(remark => `${name} ${remark}`) : []
    })
    for (const sentence of sentences) if (!this.#said.has(sentence)) this.#logger.warn(sentence)
    this.#said = new Set(sentences)
  }
}

function remarks(
  { accepted, members }: VirtualIPPlan,
  checks: readonly Check[],
  self: string,
  names: ReadonlySet<string>,
): string[] {
  if (accepted.status === 'False') return [`is not accepted: ${accepted.reason}: ${accepted.message}`]
  const priorities = new Map(members.map(({ node, priority }) => [node, priority]))
  if (priorities.has(self))
    return weakWeights(checks, [...priorities.values()]).map(warning => `is accepted. ${warning}`)
  const nodes = [...priorities.keys()].join(', ')
  return names.has(self)
    ? [`has its nodes: ${nodes}; ${self} takes no part in it`]
    : [`names other nodes: ${nodes}; ${self} takes no part in it (is --node right?)`]
}

function subnetsText(links: readonly LinkStatus[]): string {
  return JSON.stringify(links.map(({ name, subnets }) => [name, subnets]))
}

/** Whether any node runs it by this plan. */
function isRun({ virtualIP, family }: VirtualRouterSpec, { nodes }: Plan): boolean {
  return [...nodes.values()].some(({ virtualRouters }) =>
    virtualRouters.some(router => router.virtualIP === virtualIP && router.family === family),
  )
}

/** `initial` rests on the controller having just allocated the VRID; a file is read at every start. */
function withoutInitial(spec: VirtualIPNodeSpec): VirtualIPNodeSpec {
  return { virtualRouters: spec.virtualRouters.map(({ initial: _, ...router }) => router) }
}

function passwordsOf(file: VirtualIPFile): Record<string, Uint8Array> {
  return Object.fromEntries(
    [...file.secrets].flatMap(([name, data]) => Object.entries(data).map(([key, value]) => [`${name}/${key}`, value])),
  )
}
