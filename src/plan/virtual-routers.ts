import type { Authentication } from '../api/authentication.ts'
import type { Check } from '../api/check.ts'
import type { ReleasedNumber, VirtualIPNodeSpec, VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { formatPrefix, type Prefix } from '../lib/ip-address.ts'
import { formatDuration, type Millis, parseDuration } from '../lib/time.ts'
import type { Candidate } from './candidates.ts'
import { byText, type Demand } from './demand.ts'
import { groupOf } from './groups.ts'
import type { PlanAgent } from './plan-input.ts'
import type { Speech } from './transport.ts'

/** A node's part in a VirtualIP. */
export interface Member {
  readonly candidate: Candidate
  readonly priority: number
}

const CHECK_INTERVAL = '1s'

/** What a member is told to run, one virtual router per family, with every default written out. */
export function virtualRouters(
  demand: Demand,
  member: Member,
  virtualRouterID: number,
  speech: Speech,
): VirtualRouterSpec[] {
  const { checks } = demand.virtualIP.spec
  const group = groupOf(demand)
  return demand.families.flatMap(({ family, addresses }) => {
    const link = member.candidate.links.find(candidate => candidate.family === family)
    if (!link) return []
    const unicast = speech.of(member.candidate.node, family)
    return {
      virtualIP: demand.name,
      family,
      ...languageOf(demand),
      virtualRouterID,
      link: link.name,
      priority: member.priority,
      addresses: addresses.map(formatPrefix),
      ...optionsOf(demand, addresses),
      preemption: preemptionOf(demand),
      ...(group === undefined ? {} : { group }),
      ...(unicast ? { unicast } : {}),
      ...(checks && checks.length > 0 ? { checks: checks.map(resolved) } : {}),
    }
  })
}

/** What a node that takes part no more is told to go on with among those that do: they hear each other. */
export function goingOnAmong(
  told: readonly VirtualRouterSpec[],
  node: string,
  demand: Demand,
  speech: Speech,
): VirtualRouterSpec[] {
  return told.map(({ authentication: _, ...rest }) => {
    const unicast = speech.of(node, rest.family)
    return { ...rest, ...languageOf(demand), ...(unicast ? { unicast } : {}) }
  })
}

/** What all members of a virtual router must have alike, beside its VRID and addresses. */
function languageOf({
  virtualIP: { spec },
}: Demand): Pick<VirtualRouterSpec, 'version' | 'advertisementInterval' | 'checksum' | 'authentication'> {
  const { version = 3, checksum = 'PseudoHeader', authentication } = spec
  const advertisementInterval = spec.advertisementInterval ?? (version === 2 ? '1s' : '200ms')
  return {
    version,
    advertisementInterval,
    checksum,
    ...(authentication && { authentication: resolvedAuthentication(authentication, advertisementInterval) }),
  }
}

/** Of these addresses. */
function optionsOf(
  { virtualIP: { spec } }: Demand,
  prefixes: readonly Prefix[],
): Pick<VirtualRouterSpec, 'addressOptions'> {
  const its = new Set(prefixes.map(({ address }) => address.text))
  const addressOptions = (spec.addressOptions ?? []).filter(({ address }) => its.has(address))
  return addressOptions.length > 0 ? { addressOptions } : {}
}

function preemptionOf({ virtualIP: { spec } }: Demand): VirtualRouterSpec['preemption'] {
  return spec.preemption?.mode === 'Never'
    ? { mode: 'Never' }
    : { mode: 'Always', delay: spec.preemption?.delay ?? '0s' }
}

function resolvedAuthentication(authentication: Authentication, advertisementInterval: string): Authentication {
  const { hmac } = authentication
  if (!hmac) return authentication
  const { keys, activeKey = keys[0]?.id ?? 0, mode = 'Enforce', timeWindow } = hmac
  const longEnough = Math.max(SHORTEST_WINDOW, 3 * (parseDuration(advertisementInterval) ?? 0))
  return { ...authentication, hmac: { keys, activeKey, mode, timeWindow: timeWindow ?? formatDuration(longEnough) } }
}

/** As keepalived's time_window. */
const SHORTEST_WINDOW: Millis = 5000

function resolved(check: Check): Check {
  const interval = check.interval ?? CHECK_INTERVAL
  return { ...check, interval, timeout: check.timeout ?? interval, fall: check.fall ?? 1, rise: check.rise ?? 1 }
}

/**
 * A node's spec: its routers, and the numbers it is told to give up, remembered until it confirmed. A node that is ranked last for a time
 * keeps the claim to the priority it had (`homes`, by VirtualIP) among them, and returns to it. `isRun`: by any node.
 */
export function nodeSpec(
  routers: readonly VirtualRouterSpec[],
  homes: ReadonlyMap<string, number>,
  agent: PlanAgent | undefined,
  isRun: (router: Pick<VirtualRouterSpec, 'virtualIP' | 'family'>) => boolean,
): VirtualIPNodeSpec {
  const sorted = [...routers].sort((a, b) => byText(a.virtualIP, b.virtualIP) || byText(a.family, b.family))
  const had = [...(agent?.spec?.virtualRouters ?? []), ...(agent?.confirmed ? [] : (agent?.spec?.released ?? []))]
  const kept = sorted.flatMap(router => {
    const home = homes.get(router.virtualIP)
    return home === undefined ? [] : [{ ...router, priority: home }]
  })
  const released = new Map([...had, ...kept].map(number => [keyOf(number), numberOf(number)]))
  for (const router of sorted) released.delete(keyOf(router))
  if (released.size === 0) return { virtualRouters: sorted }
  return {
    virtualRouters: sorted,
    released: [...released]
      .sort(([a], [b]) => byText(a, b))
      .map(([, number]) => (isRun(number) ? number : { ...number, ended: true })),
  }
}

function numberOf(had: VirtualRouterSpec | ReleasedNumber): ReleasedNumber {
  const { virtualIP, family, link, virtualRouterID, priority } = had
  const byUnicast = 'unicast' in had || ('byUnicast' in had && had.byUnicast === true)
  return { virtualIP, family, link, virtualRouterID, priority, ...(byUnicast && { byUnicast }) }
}

function keyOf({ virtualIP, family, link, virtualRouterID, priority }: ReleasedNumber): string {
  return `${virtualIP}/${family}/${link}/${virtualRouterID}/${priority}`
}
