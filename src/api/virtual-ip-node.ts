import Type, { type Static } from 'typebox'
import { Condition } from './conditions.ts'
import type { ObjectMeta } from './object-meta.ts'
import {
  AddressFamily,
  Authentication,
  Check,
  ChecksumForm,
  Preemption,
  RouterStateName,
  VirtualRouterID,
} from './virtual-ip.ts'

/** One virtual router as its node's agent is told to run it: everything resolved, nothing defaulted. */
export const VirtualRouterSpec = Type.Object({
  virtualIP: Type.String({ description: 'The VirtualIP it serves.' }),
  family: AddressFamily,
  version: Type.Enum([2, 3]),
  virtualRouterID: VirtualRouterID,
  link: Type.String({ description: 'The name of the link it runs on.' }),
  priority: Type.Integer({ minimum: 1, maximum: 255 }),
  advertisementInterval: Type.String({ description: 'A duration, e.g. 200ms.' }),
  addresses: Type.Array(Type.String(), {
    minItems: 1,
    description: 'With prefix length, in the order they are advertised.',
  }),
  preemption: Preemption,
  checksum: ChecksumForm,
  authentication: Type.Optional(Authentication),
  checks: Type.Optional(Type.Array(Check)),
  initial: Type.Optional(
    Type.Boolean({
      description: 'The VRID was just allocated and this node ranks first: it need not wait Active_Down_Interval.',
    }),
  ),
})
export type VirtualRouterSpec = Static<typeof VirtualRouterSpec>

/** A number this node was told to give up; nobody else gets it until its status confirmed (observedGeneration). */
export const ReleasedNumber = Type.Object({
  virtualIP: Type.String(),
  family: AddressFamily,
  link: Type.String(),
  virtualRouterID: VirtualRouterID,
  priority: Type.Integer({ minimum: 1, maximum: 255 }),
})
export type ReleasedNumber = Static<typeof ReleasedNumber>

export const VirtualIPNodeSpec = Type.Object({
  virtualRouters: Type.Array(VirtualRouterSpec),
  released: Type.Optional(Type.Array(ReleasedNumber)),
})
export type VirtualIPNodeSpec = Static<typeof VirtualIPNodeSpec>

/** A link as the agent sees it; only those that have a subnet and could carry a virtual router. */
export const LinkStatus = Type.Object({
  name: Type.String(),
  mac: Type.Optional(Type.String()),
  carrier: Type.Boolean(),
  subnets: Type.Array(Type.String(), {
    description: "The link's own addresses with their prefix lengths, not those held by kube-vrrp.",
  }),
  heard: Type.Optional(
    Type.Array(
      Type.Object({
        family: AddressFamily,
        virtualRouterID: VirtualRouterID,
        source: Type.String(),
      }),
      { description: 'Virtual routers heard here that this node does not run.' },
    ),
  ),
})
export type LinkStatus = Static<typeof LinkStatus>

export const VirtualRouterStatus = Type.Object({
  virtualIP: Type.String(),
  family: AddressFamily,
  link: Type.String(),
  virtualRouterID: VirtualRouterID,
  priority: Type.Integer({ description: 'Effective: the weights of checks are in it.' }),
  state: RouterStateName,
  since: Type.String({ format: 'date-time', description: "By the node's own clock." }),
  reason: Type.String(),
  message: Type.Optional(Type.String()),
  activeAddress: Type.Optional(Type.String({ description: 'Whose adverts this BACKUP hears.' })),
  checks: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), passing: Type.Boolean(), message: Type.Optional(Type.String()) })),
  ),
})
export type VirtualRouterStatus = Static<typeof VirtualRouterStatus>

export const VirtualIPNodeStatus = Type.Object({
  observedGeneration: Type.Optional(Type.Integer()),
  agentVersion: Type.Optional(Type.String()),
  checksAllowed: Type.Optional(Type.Array(Type.Enum(['Process', 'Exec']))),
  links: Type.Optional(Type.Array(LinkStatus)),
  virtualRouters: Type.Optional(Type.Array(VirtualRouterStatus)),
  conditions: Type.Optional(Type.Array(Condition)),
})
export type VirtualIPNodeStatus = Static<typeof VirtualIPNodeStatus>

export interface VirtualIPNode {
  readonly apiVersion: 'kube-vrrp.io/v1alpha1'
  readonly kind: 'VirtualIPNode'
  readonly metadata: ObjectMeta
  readonly spec: VirtualIPNodeSpec
  readonly status?: VirtualIPNodeStatus
}
