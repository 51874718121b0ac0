import { RFC_3768 } from './rfc-3768.ts'
import { RFC_9568 } from './rfc-9568.ts'
import { UNH_IOL } from './unh-iol.ts'

export const DOCUMENTS = [RFC_9568, RFC_3768, UNH_IOL] as const
