/** One demand of a document, in our words, and what becomes of it. */
export type Requirement = {
  /** e.g. `5.1.1.3`; of UNH-IOL the test's number. */
  readonly section: string
  readonly level: Level
  readonly says: string
} & (Shown | ShownElsewhere | Departure | NotOurs)

export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'default' | 'case'

/** By engine, wire and reception, on a virtual clock. */
interface Shown {
  readonly shows: () => void
  /** Why it is not to the letter; the letter is what is kept where it is shown. */
  readonly departs?: string
}

/** Where it needs a kernel or a cluster. */
interface ShownElsewhere {
  readonly shownIn: readonly NamedTest[]
  readonly departs?: string
}

/** Not done, on purpose or not yet; why. */
interface Departure {
  readonly departs: string
}

/** Nothing that kube-vrrp could do or leave; why. */
interface NotOurs {
  readonly notOurs: string
}

export interface NamedTest {
  /** From the repository's root. */
  readonly file: string
  /** As the file spells it; of a name that is put together, its beginning. */
  readonly test: string
}

export interface Document {
  readonly name: string
  readonly url: string
  readonly requirements: readonly Requirement[]
}

/** The name of the test that shows it. */
export function nameOf({ name }: Document, { section, level, says }: Requirement): string {
  return `${name} ${sectionOf(section)}${level === 'case' ? '' : ` ${level}`}: ${says}`
}

function sectionOf(section: string): string {
  return /^VRRP/.test(section) ? section : `§${section}`
}
