import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { watched } from '../lab/watching.ts'
import { type Events, type Impairment, judge, judgePings, type Verdict } from './judge.ts'

const ADDRESS = '192.168.1.101'
const BOUNDS = { intervalOf: () => 200, late: { toTakeOver: 500, toYield: 0 } }
const STOPPED = { kind: 'Stopped', node: 'a' } as const

describe('who judges the answers', () => {
  const cases: [string, { answers: string; impairments?: Impairment[]; deletions?: number[] }, string[]][] = [
    ['has nothing against one who answers all the time', { answers: 'a 5000' }, []],
    ['allows two the overlap of a planned move', { answers: 'a 5000, ab 60, b 5000' }, []],
    ['does not allow two to answer for longer', { answers: 'a 5000, ab 400, b 5000' }, ['5000 a and b both answer']],
    [
      'does not allow it to three either',
      { answers: 'a 5000, abc 400' },
      ['5000 a and b', '5000 a and c', '5000 b and c'],
    ],
    [
      'does not allow who was stopped to answer when another does',
      { answers: 'a 5700, ab 20, b 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      ['5700 a and b both answer'],
    ],
    [
      'allows one time-out to who is stopped while another takes its place',
      { answers: 'a 5000, ab 200, b 5000', impairments: [{ ...STOPPED, from: 5010, to: 9000 }] },
      [],
    ],
    [
      'does not allow who was replaced to answer when it is thawed',
      { answers: 'a 5200, b 3800, ab 20, b 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      ['9000 a and b both answer', '9000 a, just thawed or started, answers'],
    ],
    [
      'does not allow who was replaced to answer before it has waited either',
      { answers: 'a 5200, b 4000, a 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      ['9200 a, just thawed or started, answers'],
    ],
    [
      'allows it to who is left alone',
      {
        answers: 'a 5200, b 4000, a 5000',
        impairments: [
          { ...STOPPED, from: 5000, to: 9000 },
          { kind: 'Leaving', node: 'b', from: 9100, to: 9300 },
        ],
      },
      [],
    ],
    [
      'allows it to who has waited',
      { answers: 'a 5200, b 4400, a 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      [],
    ],
    [
      'allows who was stopped for a moment to answer on',
      { answers: 'b 5000, ab 150, a 5000', impairments: [{ ...STOPPED, from: 5010, to: 5100 }] },
      [],
    ],
    [
      'allows each side of a partition one until they have agreed',
      { answers: 'a 5700, ab 4900, a 5000', impairments: [apart('EachSide', 5000, 10_000)] },
      [],
    ],
    [
      'does not allow both of them to answer afterwards',
      { answers: 'a 5700, ab 6900, a 5000', impairments: [apart('EachSide', 5000, 10_000)] },
      ['11150 a and b both answer'],
    ],
    [
      'does not allow one side two',
      { answers: 'b 5000, ab 1000, abc 2000, ab 2000, b 3000', impairments: [apart('EachSide', 5000, 10_000)] },
      ['6000 b and c both answer'],
    ],
    [
      'demands somebody on each side',
      { answers: 'b 13000', impairments: [apart('EachSide', 5000, 10_000)] },
      ['5000 nobody of a answers'],
    ],
    [
      'demands nobody of who is alone and is not well',
      {
        answers: 'b 13000',
        impairments: [apart('EachSide', 5000, 10_000), { ...STOPPED, from: 5000, to: 10_000 }],
      },
      [],
    ],
    [
      'demands somebody of the others',
      { answers: 'a 9000', impairments: [apart('Others', 5000, 9000)] },
      ['5000 nobody of b, c answers'],
    ],
    [
      'demands nobody where the MASTER may be heard and not hear',
      { answers: 'a 5000, - 3000, a 2000', impairments: [apart('NotSure', 5000, 8000)] },
      [],
    ],
    [
      'allows nobody for as long as a Backup waits, and the machine is late',
      { answers: 'a 5000, - 1200, b 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      [],
    ],
    [
      'does not allow nobody for longer',
      { answers: 'a 5000, - 1500, b 5000', impairments: [{ ...STOPPED, from: 5000, to: 9000 }] },
      ['5000 nobody of a, b, c answers'],
    ],
    [
      'counts from the last thing that happened',
      {
        answers: 'a 5000, - 1500, b 5000',
        impairments: [
          { ...STOPPED, from: 5000, to: 9000 },
          { kind: 'Off', node: 'b', from: 5600, to: 9000 },
        ],
      },
      [],
    ],
    [
      'lets who goes leave nobody',
      { answers: 'a 5000, - 1500, b 5000', impairments: [{ kind: 'Leaving', node: 'a', from: 5000, to: 5600 }] },
      ['5000 nobody of a, b, c answers'],
    ],
    [
      'demands nothing when nobody is well',
      {
        answers: 'a 5000, - 6000',
        impairments: ['a', 'b', 'c'].map(node => ({ kind: 'Starting', node, from: 4000, to: 12_000 })),
      },
      [],
    ],
    [
      'takes a deleted address for something that happens',
      { answers: 'a 4000, - 2500, a 5000', deletions: [5250] },
      [],
    ],
  ]
  for (const [sentence, { answers, impairments = [], deletions = [] }, expected] of cases) {
    test(sentence, () => {
      const { violations } = verdictOf(answers, { impairments, deletions })
      const said = violations.map(({ from, what }) => `${from} ${what}`)
      assert.equal(said.length, expected.length, said.join('\n'))
      for (const [i, text] of expected.entries()) assert.ok(said[i]?.startsWith(text), said.join('\n'))
    })
  }

  test('does not judge what was not seen', () => {
    const blind = 'blind 5010 5400\nblind 7000 8300\n'
    assert.deepEqual(verdictOf('a 5000, ab 400, b 1600, - 1500, b 5000', {}, blind).violations, [])
  })

  test('allows two that run as much more as who asks was late nearby, but not to who was stopped the time-out and that as well', () => {
    const blind = 'blind 4500 4640\n'
    assert.equal(verdictOf('a 5000, ab 400, b 5000', {}, blind).violations.length, 0)
    assert.equal(verdictOf('a 5000, ab 460, b 5000', {}, blind).violations.length, 1)
    const impairments: Impairment[] = [{ ...STOPPED, from: 5000, to: 9000 }]
    assert.equal(verdictOf('a 5000, ab 260, b 5000', { impairments }, blind).violations.length, 1)
  })

  test('adds up for how long two answered, and why, and for how long nobody', () => {
    const { two, nobody, overlaps } = verdictOf('a 5000, ab 60, b 1000, ab 400, b 1000, - 300, b 4000, ab 1000', {
      impairments: [apart('Anybody', 11_760, 20_000)],
    })
    assert.deepEqual(
      { two, nobody, overlaps },
      {
        two: { planned: 60 + 280, apart: 1000, otherwise: 120 },
        nobody: 300,
        overlaps: [60],
      },
    )
  })

  test('wants pings answered where somebody was to answer', () => {
    const lost = (from: number, to: number) => Array.from({ length: (to - from) / 20 }, (_, i) => from + 20 * i)
    const found = (times: number[], impairments: Impairment[] = []) =>
      judgePings(ADDRESS, times, 20, [], { nodes: ['a', 'b', 'c'], impairments, deletions: [] }, BOUNDS).length
    assert.equal(found(lost(5000, 7000)), 1)
    assert.equal(found([...lost(5000, 6000), ...lost(6100, 7000)]), 0)
    assert.equal(found(lost(5000, 7000), [{ ...STOPPED, from: 5800, to: 9000 }]), 0)
    assert.equal(found(lost(5000, 7000), [apart('NotSure', 5000, 7000)]), 0)
  })
})

/** Of nodes a, b and c, whose MACs are as their names; `ab 400`: both answer for 400 ms; `-`: nobody does. */
function verdictOf(answers: string, { impairments = [], deletions = [] }: Partial<Events>, blind = ''): Verdict {
  let at = 0
  const lines = answers.split(', ').map(part => {
    const [who = '', ms = '0'] = part.split(' ')
    const line = `is ${at} ${ADDRESS} ${who === '-' ? '' : [...who].join()}`
    at += Number(ms)
    return line
  })
  const seen = watched(`${[...lines, blind.trim()].filter(Boolean).join('\n')}\nasked ${at} 1 1\n`)
  return judge(seen, mac => mac, { nodes: ['a', 'b', 'c'], impairments, deletions }, BOUNDS)
}

/** a alone. */
function apart(answers: Extract<Impairment, { kind: 'Apart' }>['answers'], from: number, to: number): Impairment {
  return { kind: 'Apart', nodes: ['a'], answers, from, to }
}
