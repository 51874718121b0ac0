import type { RouteHop, RouteTable } from '../checks/route.ts'
import type { Prefix } from '../lib/ip-address.ts'
import type { Link } from '../linux/links.ts'
import type { Routes } from '../linux/routes.ts'

/** This node's routes, as checks look at them: links by their names. */
export class AgentRouteTable implements RouteTable {
  readonly #routes: Routes
  readonly #links: () => ReadonlyMap<number, Link>

  /** `links`: as they are now. */
  constructor(routes: Routes, links: () => ReadonlyMap<number, Link>) {
    this.#routes = routes
    this.#links = links
  }

  async find(destination: Prefix): Promise<RouteHop[]> {
    const hops = await this.#routes.find(destination)
    return hops.map(({ linkIndex, gateway }) => {
      const link = this.#links().get(linkIndex)?.name ?? `${linkIndex}`
      return gateway ? { link, gateway: gateway.text } : { link }
    })
  }
}
