import type { Claim } from '../lab/asking.ts'

/** Between two questions, in ms: an answer counts for so long. */
export const PACE = 10
/** Who does not answer for so long, in ms, has ceased to; on a busy machine some questions are lost. */
const CEASED = 100

/** How long two hosts answered for one address, in ms. An answer of one between two of the other counts until the next question. */
export function timeWithTwo(answers: readonly Claim[]): number {
  const macs = [...new Set(answers.map(({ mac }) => mac))]
  const spells = macs.flatMap(mac =>
    spellsOf(answers.filter(answer => answer.mac === mac)).map(spell => ({ mac, ...spell })),
  )
  let sum = 0
  for (const [i, a] of spells.entries()) {
    for (const b of spells.slice(i + 1)) {
      const [begin, end] = [Math.max(a.first, b.first), Math.min(a.last, b.last)]
      if (a.mac !== b.mac && begin <= end) sum += end - begin + PACE
    }
  }
  return sum
}

/** From the first answer to the last of each time in which one host answered. */
function spellsOf(answers: readonly Claim[]): { first: number; last: number }[] {
  const spells: { first: number; last: number }[] = []
  for (const { at } of answers) {
    const spell = spells.at(-1)
    if (spell && at - spell.last < CEASED) spell.last = at
    else spells.push({ first: at, last: at })
  }
  return spells
}
