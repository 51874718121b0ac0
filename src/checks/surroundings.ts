import type { Files } from './file.ts'
import type { LinkStates } from './link.ts'
import type { Pods } from './pods.ts'
import type { RouteTable } from './route.ts'

/** What checks look at through the agent that runs them. */
export interface Surroundings {
  readonly links: LinkStates
  readonly files: Files
  readonly routes: RouteTable
  readonly pods: Pods
}
