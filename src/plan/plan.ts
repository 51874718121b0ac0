import type { VirtualIPNodeSpec, VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { accepted } from './accepted.ts'
import { firstComeFirst } from './demand.ts'
import { goingOn } from './going-on.ts'
import { partiesOf } from './groups.ts'
import type { PlanInput } from './plan-input.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import { type Seating, seat } from './seating.ts'
import { type Survey, surveyOf } from './survey.ts'
import type { Outcome, VirtualIPPlan } from './virtual-ip-plan.ts'
import { nodeSpec } from './virtual-routers.ts'
import { wishesOf } from './wishes.ts'

export type { PlanAgent, PlanInput, PlanNode } from './plan-input.ts'
export type { VirtualIPPlan } from './virtual-ip-plan.ts'

export interface Plan {
  /** What every node and agent known is told, also where that is nothing. */
  readonly nodes: ReadonlyMap<string, VirtualIPNodeSpec>
  /** Every VirtualIP that is not being deleted. */
  readonly virtualIPs: ReadonlyMap<string, VirtualIPPlan>
}

/**
 * Who does what: from what users ask for, what nodes there are, and what runs, to every node's spec. The same input gives the same plan in
 * whatever order it comes, and a plan carried out stays. What runs is kept unless a reason changes it; a number that a node may still be
 * running goes to nobody else.
 */
export function plan(input: PlanInput): Plan {
  const survey = surveyOf(input)
  const virtualIPs = firstComeFirst(input.virtualIPs)
  const names = new Set(virtualIPs.map(({ metadata }) => metadata.name))

  const { possible, refused, claims } = wishesOf(virtualIPs, survey)
  const parties = partiesOf(possible)
  const refusals = new Map<string, Refusal>([...refused, ...parties.refused])
  const seated: Seating[] = []
  for (const seating of seat(parties.possible, name => names.has(name), survey)) {
    if (isRefusal(seating)) refusals.set(seating.wish.demand.name, seating)
    else seated.push(seating)
  }
  const outcomes = accepted(seated, survey)
  for (const [name, refusal] of refusals) outcomes.set(name, goingOn(name, refusal, claims, survey))

  return {
    nodes: nodeSpecs([...outcomes], survey),
    virtualIPs: new Map([...names].flatMap(name => planOf(name, outcomes.get(name)))),
  }
}

function planOf(name: string, outcome: Outcome | undefined): [string, VirtualIPPlan][] {
  return outcome ? [[name, outcome.plan]] : []
}

function nodeSpecs(outcomes: readonly [string, Outcome][], survey: Survey): Map<string, VirtualIPNodeSpec> {
  const all = outcomes.flatMap(([, { routers }]) => [...routers.values()].flat())
  const run = new Set(all.map(keyOf))
  const names = [...survey.nodes.map(({ name }) => name), ...survey.agents.map(({ node }) => node)]
  return new Map(
    [...new Set(names)].sort().map(node => {
      const routers = outcomes.flatMap(([, outcome]) => outcome.routers.get(node) ?? [])
      const homes = new Map(outcomes.flatMap(([name, { homes }]) => homeOf(name, homes.get(node))))
      return [node, nodeSpec(routers, homes, survey.agent(node), router => run.has(keyOf(router)))]
    }),
  )
}

function keyOf({ virtualIP, family }: Pick<VirtualRouterSpec, 'virtualIP' | 'family'>): string {
  return `${virtualIP}/${family}`
}

function homeOf(name: string, home: number | undefined): [string, number][] {
  return home === undefined ? [] : [[name, home]]
}
