import type { RouteCheck } from '../api/check.ts'
import { type Prefix, parseIpAddress, parsePrefix } from '../lib/ip-address.ts'
import { formatDuration, type Millis } from '../lib/time.ts'
import { failed, type Outcome, type Run, unknown } from './run.ts'
import { within } from './time-limit.ts'

/** Where a route leads. */
export interface RouteHop {
  /** The name of a link. */
  readonly link: string
  /** An address, as `lib/ip-address` writes it. */
  readonly gateway?: string
}

/** The routes of this node. */
export interface RouteTable {
  /** Where the routes to exactly this network lead; rejects with an Error that says why that is not known. */
  find(destination: Prefix): Promise<readonly RouteHop[]>
}

/** Passes while there is a route to exactly the destination, over the link and by the gateway where they are given. */
export function lookForRoute(check: RouteCheck, limit: Millis, routes: RouteTable): Run {
  const destination = parsePrefix(check.destination)
  if (!destination) throw new RangeError(`"${check.destination}" is no network`)
  const gateway = check.gateway === undefined ? undefined : parseIpAddress(check.gateway)?.text
  const isWanted = (hop: RouteHop) =>
    (check.link === undefined || hop.link === check.link) && (gateway === undefined || hop.gateway === gateway)
  const found = routes.find(destination).then(
    (hops): Outcome => (hops.some(isWanted) ? { passed: true } : failed(absent(check, hops))),
    (error: Error) => unknown(error.message),
  )
  const tooLate = unknown(`Reading the routes took longer than ${formatDuration(limit)}`)
  return { outcome: within(limit, found, tooLate), ended: found.then(() => {}) }
}

/** `to 10.0.0.0/8 on eth1 via 10.0.0.1` */
export function routeText({ destination, link, gateway }: RouteCheck): string {
  return `to ${destination}${link === undefined ? '' : ` on ${link}`}${gateway === undefined ? '' : ` via ${gateway}`}`
}

function absent(check: RouteCheck, [other]: readonly RouteHop[]): string {
  const there = other && { destination: check.destination, ...other }
  return `There is no route ${routeText(check)}${there ? `, but one ${routeText(there)}` : ''}`
}
