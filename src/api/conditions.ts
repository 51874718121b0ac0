import type { JsonSchema, Static } from './json-schema.ts'

/** metav1.Condition */
export const Condition = {
  type: 'object',
  description: 'One aspect of the state of this object.',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: { type: 'string', description: 'What the condition says something about, in CamelCase.' },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it holds.' },
    observedGeneration: { type: 'integer', description: 'The metadata.generation that the condition was set for.' },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'When the status last changed.' },
    reason: { type: 'string', description: 'Why, in one CamelCase word for programs.' },
    message: { type: 'string', description: 'Why, in a sentence for people.' },
  },
} as const satisfies JsonSchema
export type Condition = Static<typeof Condition>

/** A list of conditions, one of each type. */
export const Conditions = {
  type: 'array',
  description: 'The state of this object, one condition for each aspect.',
  items: Condition,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
} as const satisfies JsonSchema

/** Conditions whose True is bad news. */
export const ABNORMAL: ReadonlySet<string> = new Set(['SplitBrain', 'AddressConflict', 'Degraded'])

/** A condition as it should be; `setCondition` gives it its lastTransitionTime. */
export type DesiredCondition = Omit<Condition, 'lastTransitionTime'>

/** `conditions` with the desired ones set: lastTransitionTime moves to `now` (RFC 3339) only where the status changed. */
export function setConditions(
  conditions: readonly Condition[],
  desired: readonly DesiredCondition[],
  now: string,
): Condition[] {
  const others = conditions.filter(old => !desired.some(wanted => wanted.type === old.type))
  return [
    ...desired.map(wanted => {
      const old = conditions.find(candidate => candidate.type === wanted.type)
      return { ...wanted, lastTransitionTime: old?.status === wanted.status ? old.lastTransitionTime : now }
    }),
    ...others,
  ]
}
