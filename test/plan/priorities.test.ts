import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXCLUDE_LABEL } from '../../src/api/names.ts'
import { assignPriorities, type RankedNode } from '../../src/plan/priorities.ts'
import { Cluster, print, sentence } from './cluster.ts'

/** A member by its numbers: `250`: runs it; `250,214`: told 250, may still run 214; `-`: new; `214<250`: ranked last at 214, returns to 250; `(250)`: dead. */
function member(text: string): RankedNode {
  const dead = text.startsWith('(')
  const [numbers = '', home] = text.replaceAll(/[()]/g, '').split('<')
  const running = numbers === '-' ? [] : numbers.split(',').map(Number)
  const [current] = running
  const homeNumber = home === undefined ? current : Number(home)
  return {
    rankedLast: home !== undefined,
    mayRun: new Set(dead ? [] : running),
    reserved: new Set(homeNumber === undefined ? running : [...running, homeNumber]),
    ...(current === undefined ? {} : { current }),
    ...(homeNumber === undefined ? {} : { home: homeNumber }),
  }
}

function assigned(ranked: string, others: number[] = [], ceiling = 254): string {
  return assignPriorities(ranked.split(' ').map(member), new Set(others), ceiling).join(' ')
}

describe('numbers for ranks', () => {
  const table: Record<string, { ranked: string; others?: number[]; ceiling?: number; expected: string }> = {
    'new members get 250 and 12 less each': { ranked: '- - - -', expected: '250 238 226 214' },
    'sixteen of them have room': {
      ranked: Array(16).fill('-').join(' '),
      expected: '250 238 226 214 202 190 178 166 154 142 130 118 106 94 82 70',
    },
    'numbers that fit stay': { ranked: '238 237 230 220', expected: '238 237 230 220' },
    'a new member comes below': { ranked: '250 238 -', expected: '250 238 226' },
    'a new member in between gets a number in between': { ranked: '250 - 238', expected: '250 244 238' },
    'a new first goes above where there is room': { ranked: '- 238 226', expected: '250 238 226' },
    'a new first goes above 250 where that is taken': { ranked: '- 250 238', expected: '254 250 238' },
    'where there is no room above, all move down, each below what the next may still be running': {
      ranked: '- 254 253',
      expected: '250 238 226',
    },
    'one that goes from first to last gets a number below': { ranked: '238 226 250', expected: '238 226 214' },
    'one that goes from last to first gets one above': { ranked: '226 250 238', expected: '254 250 238' },
    'two that change places: one moves': { ranked: '238 250', expected: '238 226' },
    'a gap that a weight of -20 could not pass is closed, below what the higher one may be running': {
      ranked: '250 226',
      expected: '250 238',
    },
    'a gap that can not be closed at once moves down': { ranked: '250 100 88', expected: '250 238 88' },
    'a gap of up to 19 stays': { ranked: '250 231', expected: '250 231' },
    'a first rank that has sunk is lifted': { ranked: '200', expected: '250' },
    'those below it follow, as far as they do not pass meanwhile what the higher one may still be running': {
      ranked: '200 188',
      expected: '214 199',
    },
    'a number that a node which left may be running goes to nobody': {
      ranked: '- - -',
      others: [250, 238, 226],
      expected: '249 237 225',
    },
    'a node may have its own unconfirmed number again': { ranked: '226,250 238', expected: '250 238' },
    'others may not': { ranked: '250,238 - 226', expected: '250 237 226' },
    'a number kept for the return of a node that is ranked last goes to nobody, nor one above it to those who rank below it':
      {
        ranked: '250 226 238<238',
        expected: '250 237 225',
      },
    'a dead node keeps its number but holds nobody up': { ranked: '(200) 188', expected: '250 238' },
    'positive weights push the row down so that nobody reaches 254': {
      ranked: '- -',
      ceiling: 234,
      expected: '234 222',
    },
    'and push down what runs': { ranked: '250 238', ceiling: 234, expected: '234 222' },
  }
  for (const [name, { ranked, others, ceiling, expected }] of Object.entries(table)) {
    test(name, () => assert.equal(assigned(ranked, others, ceiling), expected))
  }

  test('where every number is taken, the last rank gets none', () => {
    const taken = Array.from({ length: 254 }, (_, i) => i + 1).filter(number => number !== 7)
    assert.deepEqual(assignPriorities([member('-'), member('-')], new Set(taken), 254), [7, undefined])
  })
})

describe('numbers that the user fixed', () => {
  const fixed = (priorities: Record<string, number>) => ({
    priorities: Object.entries(priorities).map(([node, priority]) => ({ node, priority })),
    addresses: ['192.168.1.100/24'],
  })

  test('are changed at once where nobody else runs them', () => {
    const cluster = Cluster.of(2).apply('web', fixed({ node1: 100, node2: 90 }))
    assert.equal(print(cluster.settle()), 'web node1=100 node2=90')
    cluster.apply('web', fixed({ node1: 100, node2: 80 }))
    assert.equal(print(cluster.write()), 'web node1=100 node2=80')
  })

  test('change hands over a number that nobody has, one confirmation after the other, and the user is told', () => {
    const cluster = Cluster.of(2).apply('web', fixed({ node1: 100, node2: 90 }))
    cluster.settle()
    cluster.apply('web', fixed({ node1: 90, node2: 100 }))
    const under = cluster.write()
    assert.equal(print(under), 'web node2=99 node1=89')
    assert.equal(
      sentence(under, 'web'),
      'Accepted: node2 and node1 take part. node2 has priority 99 until the others have confirmed their change; then 100. node1 has priority 89 until the others have confirmed their change; then 90',
    )
    assert.equal(print(cluster.settle()), 'web node2=100 node1=90')
  })

  test('wait for a dead node that may still be running them', () => {
    const cluster = Cluster.of(2).apply('web', fixed({ node1: 100, node2: 90 }))
    cluster.settle()
    cluster.agent('node1').alive = false
    cluster.apply('web', fixed({ node1: 90, node2: 100 }))
    assert.equal(print(cluster.settle()), 'web node2=99 node1=90')
    cluster.agent('node1').alive = true
    assert.equal(print(cluster.settle()), 'web node2=100 node1=90')
  })

  test('may be 255, the owner', () => {
    const cluster = Cluster.of(2).apply('web', fixed({ node1: 255, node2: 100 }))
    assert.equal(print(cluster.settle()), 'web node1=255 node2=100')
  })

  test('follow each other when automatic ranks become fixed, and stay when fixed ones become automatic', () => {
    const cluster = Cluster.of(2).apply('web')
    cluster.settle()
    cluster.apply('web', fixed({ node1: 238, node2: 250 }))
    assert.equal(print(cluster.settle()), 'web node2=250 node1=238')
    cluster.apply('web', { addresses: ['192.168.1.100/24'] })
    assert.equal(print(cluster.settle()), 'web node2=250 node1=238')
  })
})

describe('confirmation', () => {
  test('a number that a node was told to give up is remembered until it confirmed', () => {
    const cluster = Cluster.of(4).apply('web')
    cluster.settle()
    cluster.change('node1', { labels: { gone: 'yes' } })
    cluster.apply('web', {
      addresses: ['192.168.1.100/24'],
      nodeSelector: { matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] },
    })
    assert.equal(print(cluster.write()), 'web node2=238 node3=226 node4=214')
    const released = () => cluster.agent('node1').spec?.released?.map(({ priority }) => priority)
    assert.deepEqual(released(), [250])
    cluster.write()
    assert.deepEqual(released(), [250], 'not yet confirmed')
    cluster.agent('node1').receive()
    cluster.write()
    assert.deepEqual(released(), [250], 'received, but not yet confirmed')
    cluster.agent('node1').report()
    cluster.write()
    assert.equal(released(), undefined)
  })

  test('who gives up what others go on with can tell it from what no node runs any more', () => {
    const cluster = Cluster.of(3).apply('gone').apply('moved', { redundancy: 2 })
    cluster.settle()
    cluster.virtualIPs.delete('gone')
    cluster.change('node2', { labels: { [EXCLUDE_LABEL]: 'true' } })
    cluster.write()
    assert.deepEqual(
      cluster.agent('node2').spec?.released?.map(({ virtualIP, ended }) => [virtualIP, ended]),
      [
        ['gone', true],
        ['moved', undefined],
      ],
    )
  })

  test('a number that only an unconfirmed status shows is in use', () => {
    const cluster = Cluster.of(3).apply('web', { redundancy: 2 })
    cluster.settle()
    const agent = cluster.agent('node1')
    agent.spec = { virtualRouters: [] }
    agent.generation++
    assert.match(print(cluster.plan()), /^web node2=238 node\d=226$/, '250 is still in the status of node1')
    agent.alive = false
    cluster.agent('node2').alive = false
    assert.equal(print(cluster.plan()), 'web node3=249')
  })
})

describe('weights of checks', () => {
  const withWeight = (weight: number, rest = {}) => {
    const cluster = Cluster.of(3)
    for (const agent of cluster.agents.values()) {
      agent.checksAllowed = ['Process']
      agent.report()
    }
    return cluster.apply('web', { checks: [{ name: 'nginx', process: { name: 'nginx' }, weight }], ...rest })
  }

  test("the seed's -20 passes the next rank, so nothing is said", () => {
    assert.equal(sentence(withWeight(-20).plan(), 'web'), 'Accepted: node1, node2 and node3 take part')
  })

  test('a weight that can make nobody take over gets a warning', () => {
    assert.equal(
      sentence(withWeight(-12).plan(), 'web'),
      'Accepted: node1, node2 and node3 take part. Warning: weight -12 of check nginx is too small to make another node take over (the first has priority 250, the second 238): make it -13 or less',
    )
    assert.equal(sentence(withWeight(-13).plan(), 'web'), 'Accepted: node1, node2 and node3 take part')
  })

  test('so does one among priorities that the user fixed, also when the second node is not here', () => {
    const priorities = [
      { node: 'node1', priority: 200 },
      { node: 'elsewhere', priority: 100 },
    ]
    assert.match(sentence(withWeight(-20, { priorities }).plan(), 'web'), /weight -20 .* make it -101 or less$/)
  })

  test('positive weights lower all priorities, so that no two nodes end at 254', () => {
    assert.equal(print(withWeight(20).plan()), 'web node1=234 node2=222 node3=210')
    assert.match(sentence(withWeight(5).plan(), 'web'), /weight 5 of check nginx is too small .* make it 13 or more$/)
  })
})
