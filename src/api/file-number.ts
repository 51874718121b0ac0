import type { Check } from './check.ts'

/** Whether it is the number in a file, times the weight, that is added to the priority, rather than the weight. */
export function addsItsNumber({ file, weight }: Pick<Check, 'file' | 'weight'>): boolean {
  return file !== undefined && (file.reads ?? 'Number') === 'Number' && weight !== undefined
}
