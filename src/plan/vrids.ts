import type { VirtualRouterIDUse } from './in-use.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import { ANYWHERE, overlap, type Segment } from './segments.ts'
import type { Survey } from './survey.ts'

export interface VirtualRouterIDRequest {
  readonly name: string
  /** By the user. */
  readonly given?: number
  /** Shown in its status. */
  readonly remembered?: number
  readonly segments: ReadonlySet<Segment>
}

export interface VirtualRouterIDGrant {
  readonly virtualRouterID: number
  /** Allocated just now: nobody has run it, nobody was heard on it. */
  readonly fresh: boolean
}

/**
 * One VRID for each VirtualIP, both families, that no other VirtualIP on the same segments has or may still be running. A VRID that runs is
 * kept; one given by the user comes next, then one it had before; the rest are allocated, where nobody was heard.
 */
export function grantVirtualRouterIDs(
  requests: readonly VirtualRouterIDRequest[],
  survey: Survey,
  exists: (virtualIP: string) => boolean,
): ReadonlyMap<string, VirtualRouterIDGrant | Refusal> {
  const ids = new VirtualRouterIDs(survey, exists)
  const grants = new Map<string, VirtualRouterIDGrant | Refusal>()
  const grant = (request: VirtualRouterIDRequest, virtualRouterID: number, fresh: boolean) => {
    ids.claim(request, virtualRouterID)
    grants.set(request.name, { virtualRouterID, fresh })
  }
  const ungranted = () => requests.filter(({ name }) => !grants.has(name))

  for (const request of requests) {
    const running = ids.runningOn(request)
    const kept = request.given ?? running
    if (kept !== undefined && kept === running && ids.claimant(request, kept) === undefined) grant(request, kept, false)
  }
  for (const request of ungranted()) {
    if (request.given === undefined) continue
    const holder = ids.claimant(request, request.given) ?? ids.user(request, request.given)
    if (holder === undefined) grant(request, request.given, false)
    else grants.set(request.name, virtualRouterIDInUse(request.given, holder))
  }
  for (const request of ungranted()) {
    const had = ids.had(request) ?? request.remembered
    if (had !== undefined && ids.isFree(request, had)) grant(request, had, false)
  }
  for (const request of ungranted()) {
    const free = ids.allocate(request)
    if (free === undefined) grants.set(request.name, exhausted(request))
    else grant(request, free, true)
  }
  return grants
}

function virtualRouterIDInUse(virtualRouterID: number, { virtualIP, node }: Holder): Refusal {
  const message =
    node === undefined
      ? `VRID ${virtualRouterID} belongs to VirtualIP ${virtualIP} on this segment: give another, or leave it out and one is allocated`
      : `VRID ${virtualRouterID} may still be run for VirtualIP ${virtualIP} by ${node}, which has not confirmed giving it up: bring its agent back, delete its Node if it is gone for good, or give another VRID`
  return { refused: 'VirtualRouterIDInUse', message }
}

function exhausted({ segments }: VirtualRouterIDRequest): Refusal {
  const message = `All 255 VRIDs are in use on ${listing([...segments].sort())}: put several addresses into one VirtualIP, or delete one`
  return { refused: 'VirtualRouterIDsExhausted', message }
}

/** A VirtualIP that has a VRID; with a node: that may still run it for one that has it no more. */
interface Holder {
  readonly virtualIP: string
  readonly node?: string
}

interface Told {
  readonly virtualRouterID: number
  readonly segment: Segment | undefined
}

class VirtualRouterIDs {
  readonly #uses: ReadonlyMap<number, readonly VirtualRouterIDUse[]>
  /** VirtualIP → what its nodes were last told. */
  readonly #told = new Map<string, Told[]>()
  readonly #claims = new Map<number, VirtualRouterIDRequest[]>()
  readonly #claimed = new Set<string>()
  readonly #heard = new Map<Segment, Set<number>>()
  readonly #exists: (virtualIP: string) => boolean

  constructor({ agents, inUse, segments }: Survey, exists: (virtualIP: string) => boolean) {
    this.#exists = exists
    this.#uses = Map.groupBy(inUse.virtualRouterIDs, ({ virtualRouterID }) => virtualRouterID)
    for (const { node, alive, spec, status } of agents) {
      for (const { virtualIP, virtualRouterID, link } of spec?.virtualRouters ?? []) {
        const told = this.#told.get(virtualIP) ?? []
        this.#told.set(virtualIP, told)
        told.push({ virtualRouterID, segment: segments.of(node, link) })
      }
      for (const { name, heard = [] } of alive ? (status?.links ?? []) : []) this.#hear(segments.of(node, name), heard)
    }
  }

  #hear(segment: Segment | undefined, heard: readonly { virtualRouterID: number }[]): void {
    if (segment === undefined) return
    const ids = this.#heard.get(segment) ?? new Set()
    this.#heard.set(segment, ids)
    for (const { virtualRouterID } of heard) ids.add(virtualRouterID)
  }

  /** What runs for it on its segments; on another one, where its address was before, it would be a newcomer here. */
  runningOn({ name, segments }: VirtualRouterIDRequest): number | undefined {
    const here = this.#told.get(name)?.find(({ segment }) => segment !== undefined && segments.has(segment))
    return here?.virtualRouterID
  }

  had({ name }: VirtualRouterIDRequest): number | undefined {
    return this.#told.get(name)?.[0]?.virtualRouterID
  }

  claim(request: VirtualRouterIDRequest, virtualRouterID: number): void {
    const claims = this.#claims.get(virtualRouterID) ?? []
    this.#claims.set(virtualRouterID, [...claims, request])
    this.#claimed.add(request.name)
  }

  /** Another VirtualIP that got it in this plan, on a shared segment. */
  claimant({ segments }: VirtualRouterIDRequest, virtualRouterID: number): Holder | undefined {
    const claim = this.#claims.get(virtualRouterID)?.find(other => overlap(segments, other.segments))
    return claim && { virtualIP: claim.name }
  }

  /** Another VirtualIP that a node runs it for, or may still run it for, on a shared segment. */
  user({ name, segments }: VirtualRouterIDRequest, virtualRouterID: number): Holder | undefined {
    const use = this.#uses
      .get(virtualRouterID)
      ?.find(({ virtualIP, segment = ANYWHERE }) => virtualIP !== name && overlap(segments, new Set([segment])))
    if (!use) return undefined
    const { virtualIP, node } = use
    return this.#exists(virtualIP) && !this.#claimed.has(virtualIP) ? { virtualIP } : { virtualIP, node }
  }

  isFree(request: VirtualRouterIDRequest, virtualRouterID: number): boolean {
    return !this.claimant(request, virtualRouterID) && !this.user(request, virtualRouterID)
  }

  /** From a start of its own for every name, so that two clusters on one wire seldom choose alike. */
  allocate(request: VirtualRouterIDRequest): number | undefined {
    const heard = [...request.segments].flatMap(segment => this.#heard.get(segment) ?? [])
    const start = hash(request.name) % 255
    for (let i = 0; i < 255; i++) {
      const candidate = 1 + ((start + i) % 255)
      if (!heard.some(ids => ids.has(candidate)) && this.isFree(request, candidate)) return candidate
    }
    return undefined
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
