import Type, { type Static } from 'typebox'

/** metav1.Condition */
export const Condition = Type.Object({
  type: Type.String(),
  status: Type.Enum(['True', 'False', 'Unknown']),
  observedGeneration: Type.Optional(Type.Integer()),
  lastTransitionTime: Type.String({ format: 'date-time' }),
  reason: Type.String(),
  message: Type.String(),
})
export type Condition = Static<typeof Condition>

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
