import type { RouterStateName } from '../api/virtual-ip.ts'
import type { GroupTransitioned } from './notify.ts'
import type { RunningRouter } from './running-router.ts'

interface GroupState {
  readonly state: RouterStateName
  readonly reason: string
}

type Member = Pick<RunningRouter, 'desired' | 'shown' | 'isLeaving'>

const STOPPED: GroupState = { state: 'INITIALIZE', reason: 'Shutdown' }

/** What the groups that users have named are, as one that looks at all their routers would say. */
export class GroupStates {
  #shown: ReadonlyMap<string, GroupState> = new Map()

  /** Those that are in another state than when this was last asked. */
  changes(routers: Iterable<Member>): GroupTransitioned[] {
    const before = this.#shown
    const now = statesOf([...routers].filter(({ isLeaving }) => !isLeaving))
    this.#shown = now
    return [...new Set([...before.keys(), ...now.keys()])].flatMap(group => {
      const was = before.get(group) ?? STOPPED
      const is = now.get(group) ?? STOPPED
      return is.state === was.state ? [] : [{ group, ...is }]
    })
  }
}

function statesOf(routers: readonly Member[]): Map<string, GroupState> {
  const named = Map.groupBy(routers, ({ desired }) => nameOf(desired.spec.group))
  return new Map([...named].flatMap(([name, all]) => (name === undefined ? [] : [[name, stateOf(all)] as const])))
}

/** The two families of one VirtualIP are a group that has no name of its own. */
function nameOf(group: string | undefined): string | undefined {
  return group?.includes('/') ? undefined : group
}

function stateOf(routers: readonly Pick<RunningRouter, 'shown'>[]): GroupState {
  const shown = routers.map(({ shown }) => shown)
  const first =
    shown.find(({ state }) => state === 'FAULT') ??
    shown.find(({ state }) => state === 'INITIALIZE') ??
    shown.find(({ state }) => state === 'BACKUP') ??
    shown[0]
  return { state: first?.state ?? 'INITIALIZE', reason: first?.reason ?? '' }
}
