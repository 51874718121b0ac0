import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Condition } from '../../src/api/conditions.ts'
import type { VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import { transitions } from '../../src/controller/transitions.ts'

type Entry = NonNullable<VirtualIPStatus['nodes']>[number]

function entry(node: string, state: Entry['state'], more: Partial<Entry> = {}): Entry {
  return { node, family: 'IPv4', state, ...more }
}

function condition(type: string, status: Condition['status'], reason: string, message = 'So it is'): Condition {
  return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' }
}

const FAILOVER = {
  time: '2026-01-01T00:00:00Z',
  family: 'IPv4',
  from: 'node1',
  to: 'node2',
  reason: 'ActiveDown',
} as const

function story(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): string[] {
  return transitions(previous, next).map(({ type, reason, note }) => `${type} ${reason}: ${note}`)
}

suite('what a new status tells', () => {
  for (const [name, previous, next, expected] of [
    [
      'nothing, where nothing changed',
      { master: 'node1', nodes: [entry('node1', 'MASTER')] },
      { master: 'node1', nodes: [entry('node1', 'MASTER')] },
      [],
    ],
    [
      'a failover, node by node',
      { master: 'node1', nodes: [entry('node1', 'MASTER'), entry('node2', 'BACKUP')] },
      {
        master: 'node2',
        nodes: [
          entry('node1', 'FAULT', { reason: 'AgentUnreachable', message: 'It does not renew its Lease' }),
          entry('node2', 'MASTER', { reason: 'ActiveDown' }),
        ],
      },
      [
        'Warning BecameFault: node1 is FAULT (was MASTER) for IPv4: AgentUnreachable: It does not renew its Lease',
        'Normal BecameMaster: node2 is MASTER (was BACKUP) for IPv4: ActiveDown',
      ],
    ],
    [
      'no loss of the MASTER where it hands over',
      { master: 'node1', nodes: [entry('node1', 'MASTER')] },
      { conditions: [condition('Ready', 'True', 'HandingOver')], nodes: [entry('node1', 'INITIALIZE')] },
      ['Normal Initialized: node1 is INITIALIZE (was MASTER) for IPv4'],
    ],
    [
      'each failover once, and how long nobody answered',
      { failovers: [FAILOVER] },
      {
        failovers: [
          {
            ...FAILOVER,
            time: '2026-01-01T00:00:02Z',
            from: 'node2',
            to: 'node1',
            reason: 'Preempted',
            unansweredMillis: 0,
          },
          { ...FAILOVER, time: '2026-01-01T00:00:01Z', unansweredMillis: 605, message: 'no advert from 10.0.0.1' },
          FAILOVER,
        ],
      },
      [
        'Normal FailedOver: IPv4 moved from node2 to node1, answered all the time: Preempted',
        'Warning FailedOver: IPv4 moved from node1 to node2, unanswered for at most 0.605 s: ActiveDown: no advert from 10.0.0.1',
      ],
    ],
    [
      'the first MASTER',
      { nodes: [] },
      { master: 'node1', nodes: [entry('node1', 'MASTER')] },
      ['Normal BecameMaster: node1 is MASTER for IPv4'],
    ],
    [
      'that nobody is MASTER any more',
      { master: 'node1' },
      {},
      ['Warning NoMaster: No node is known to be MASTER any more (it was node1)'],
    ],
    [
      'each family of a node by itself',
      { nodes: [entry('node1', 'BACKUP'), entry('node1', 'BACKUP', { family: 'IPv6' })] },
      { nodes: [entry('node1', 'BACKUP'), entry('node1', 'MASTER', { family: 'IPv6' })] },
      ['Normal BecameMaster: node1 is MASTER (was BACKUP) for IPv6'],
    ],
    [
      'at first sight of conditions: a refusal only',
      undefined,
      {
        conditions: [
          condition('Accepted', 'False', 'AddressTaken', '10.0.0.5 is in web already'),
          condition('Ready', 'False', 'Waiting'),
          condition('Redundant', 'Unknown', 'Pending'),
          condition('SplitBrain', 'False', 'OneMaster'),
        ],
      },
      ['Warning AddressTaken: Accepted is False: 10.0.0.5 is in web already'],
    ],
    [
      'a split brain and its end',
      { conditions: [condition('SplitBrain', 'False', 'OneMaster')] },
      { conditions: [condition('SplitBrain', 'True', 'MultipleMasters')] },
      ['Warning MultipleMasters: SplitBrain is True: So it is'],
    ],
    [
      'what is wrong now, where something else was before; not that nothing is, where that was not known',
      {
        conditions: [condition('Degraded', 'True', 'TTLMismatch'), condition('AddressConflict', 'Unknown', 'NoMaster')],
      },
      {
        conditions: [
          condition('Degraded', 'True', 'ForeignRouter'),
          condition('AddressConflict', 'False', 'NoOtherHolder'),
        ],
      },
      ['Warning ForeignRouter: Degraded is True: So it is'],
    ],
    [
      'that trouble is over',
      { conditions: [condition('SplitBrain', 'True', 'MultipleMasters'), condition('Ready', 'False', 'NoMaster')] },
      { conditions: [condition('SplitBrain', 'False', 'OneMaster'), condition('Ready', 'True', 'OneMaster')] },
      ['Normal OneMaster: SplitBrain is False: So it is', 'Normal OneMaster: Ready is True: So it is'],
    ],
    [
      'a refusal for another reason, but not why it still is not Ready',
      {
        conditions: [
          condition('Accepted', 'False', 'NoNodeMatches', 'x'),
          condition('Ready', 'False', 'NoMaster', 'x'),
        ],
      },
      { conditions: [condition('Accepted', 'False', 'NoAgent', 'y'), condition('Ready', 'False', 'Waiting', 'y')] },
      ['Warning NoAgent: Accepted is False: y'],
    ],
  ] as const satisfies (readonly [string, VirtualIPStatus | undefined, VirtualIPStatus, string[]])[]) {
    test(name, () => assert.deepEqual(story(previous, next), expected))
  }
})
