import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from '../../src/api/conditions.ts'
import type { VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import { runStatus, type StatusOptions } from '../../src/cli/status.ts'
import type { StatusEntry, StatusSource } from '../../src/cli/status-source.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')

function ago(seconds: number): string {
  return new Date(NOW - 1000 * seconds).toISOString()
}

function condition(type: string, status: Condition['status'], reason: string, message = '', since = 60): Condition {
  return { type, status, reason, message, lastTransitionTime: ago(since) }
}

function node(node: string, state: 'MASTER' | 'BACKUP' | 'FAULT', priority: number, reason: string, since: number) {
  return { node, family: 'IPv4', state, priority, link: 'eth0', since: ago(since), reason } as const
}

const WEB: StatusEntry = {
  name: 'web',
  addresses: ['192.168.1.100/24'],
  status: {
    virtualRouterID: 51,
    master: 'node2',
    backups: '1/2',
    conditions: [
      condition('Accepted', 'True', 'Planned'),
      condition('Ready', 'True', 'OneMaster'),
      condition('Redundant', 'False', 'BackupMissing', '1 of 2 BACKUPs is healthy'),
      condition('SplitBrain', 'False', 'OneMaster'),
      condition('AddressConflict', 'Unknown', 'NotWatched'),
    ],
    nodes: [
      { ...node('node1', 'FAULT', 250, 'NoCarrier', 75), message: 'Link eth0 has no carrier' },
      node('node2', 'MASTER', 238, 'ActiveDown', 75),
      node('node3', 'BACKUP', 226, 'Startup', 5 * 3600),
    ],
  },
}
const REFUSED: StatusEntry = {
  name: 'bad',
  addresses: ['10.0.0.1/24', '10.0.0.2/24', '10.0.0.3/24', 'fd00::1/64'],
  status: {
    conditions: [condition('Ready', 'False', 'NotAccepted'), condition('Accepted', 'False', 'AddressTaken', 'x', 300)],
  },
}

/** What a run printed; a source tells `steps`, one after the other, and a watch ends with the last. */
async function run(options: Partial<StatusOptions>, ...steps: (readonly StatusEntry[] | Error)[]) {
  const printed = { stdout: '', stderr: '', status: -1 }
  const tell = (step: readonly StatusEntry[] | Error | undefined) => {
    if (step instanceof Error) throw step
    return step ?? []
  }
  const source: StatusSource = {
    list: async () => tell(steps[0]),
    watch: async onChange => {
      for (const step of steps) onChange(tell(step))
    },
  }
  printed.status = await runStatus(
    { watch: false, output: 'table', ...options, source },
    {
      stdout: text => {
        printed.stdout += text
      },
      stderr: text => {
        printed.stderr += text
      },
      now: () => NOW,
      signal: new AbortController().signal,
    },
  )
  return printed
}

function changed(entry: StatusEntry, status: Partial<VirtualIPStatus>): StatusEntry {
  return { ...entry, status: { ...entry.status, ...status } }
}

test('the table says who holds what, since when and why', async () => {
  assert.deepEqual(await run({}, [WEB, REFUSED]), {
    status: 0,
    stderr: '',
    stdout: [
      'NAME   ADDRESS                      MASTER   READY   BACKUPS   VRID   SINCE   REASON',
      'web    192.168.1.100/24             node2    True    1/2       51     75s     ActiveDown',
      'bad    10.0.0.1/24,10.0.0.2/24,+2   -        False   -         -      5m      AddressTaken',
      '',
    ].join('\n'),
  })
})

test('without a MASTER, since when and why are those of not being ready', async () => {
  const { master: _, ...status } = WEB.status
  const gone = { ...WEB, status: { ...status, conditions: [condition('Ready', 'False', 'NoMaster', '', 42)] } }
  const { stdout } = await run({}, [gone])
  assert.match(stdout, /\nweb +192\.168\.1\.100\/24 +- +False +1\/2 +51 +42s +NoMaster\n$/)
})

test('a VirtualIP nobody has looked at yet, and one whose source knows no more, is a row of dashes', async () => {
  const { stdout } = await run({}, [{ name: 'new', status: {} }])
  assert.match(stdout, /\nnew +- +- +- +- +- +- +-\n$/)
})

test('one by its name is shown with what every node does and what is not as it should be', async () => {
  assert.deepEqual(await run({ name: 'web' }, [REFUSED, WEB]), {
    status: 0,
    stderr: '',
    stdout: [
      'NAME   ADDRESS            MASTER   READY   BACKUPS   VRID   SINCE   REASON',
      'web    192.168.1.100/24   node2    True    1/2       51     75s     ActiveDown',
      '',
      'NODE    FAMILY   STATE    PRIORITY   LINK   SINCE   REASON       MESSAGE',
      'node1   IPv4     FAULT    250        eth0   75s     NoCarrier    Link eth0 has no carrier',
      'node2   IPv4     MASTER   238        eth0   75s     ActiveDown',
      'node3   IPv4     BACKUP   226        eth0   5h      Startup',
      '',
      'Redundant is False (BackupMissing): 1 of 2 BACKUPs is healthy',
      '',
    ].join('\n'),
  })
})

test('its last failovers are shown, with how long nobody answered as far as it is known', async () => {
  const failover = { family: 'IPv4', from: 'node1', to: 'node2', reason: 'ActiveDown' } as const
  const moved = changed(WEB, {
    conditions: [],
    nodes: [],
    failovers: [
      { ...failover, time: ago(75), unansweredMillis: 605, message: 'BACKUP -> MASTER: no advert' },
      { ...failover, time: ago(3600), unansweredMillis: 0 },
      { ...failover, time: ago(7200) },
    ],
  })
  const { stdout } = await run({ name: 'web' }, [moved])
  assert.deepEqual(stdout.split('\n').slice(3), [
    'FAILOVER   FAMILY   FROM    TO      UNANSWERED   REASON       MESSAGE',
    '75s ago    IPv4     node1   node2   605ms        ActiveDown   BACKUP -> MASTER: no advert',
    '60m ago    IPv4     node1   node2   0ms          ActiveDown',
    '120m ago   IPv4     node1   node2   -            ActiveDown',
    '',
  ])
})

test('in a split brain the row is of the MASTER that counts, and the split is among what is not as it should be', async () => {
  const split = changed(WEB, {
    conditions: [condition('SplitBrain', 'True', 'TwoMasters', 'node1 and node2 are MASTER')],
    nodes: [node('node1', 'MASTER', 250, 'Startup', 9), node('node2', 'MASTER', 238, 'ActiveDown', 7)],
  })
  const { stdout } = await run({ name: 'web' }, [split])
  assert.match(stdout, /\nweb .* 7s +ActiveDown\n/)
  assert.match(stdout, /\n\nSplitBrain is True \(TwoMasters\): node1 and node2 are MASTER\n$/)
})

test('-o json is a list of name and status, and nothing else', async () => {
  const { stdout, status } = await run({ output: 'json' }, [WEB, REFUSED])
  assert.deepEqual(JSON.parse(stdout), [
    { name: 'web', status: WEB.status },
    { name: 'bad', status: REFUSED.status },
  ])
  assert.equal(status, 0)
  assert.deepEqual(JSON.parse((await run({ output: 'json', name: 'bad' }, [WEB, REFUSED])).stdout), [
    { name: 'bad', status: REFUSED.status },
  ])
})

test('no VirtualIPs are no mistake, but one that is not there is', async () => {
  assert.deepEqual(await run({}, []), { status: 0, stdout: '', stderr: 'There are no VirtualIPs\n' })
  assert.deepEqual(await run({ output: 'json' }, []), { status: 0, stdout: '[]\n', stderr: '' })
  for (const output of ['table', 'json'] as const) {
    assert.deepEqual(await run({ name: 'wep', output }, [WEB]), {
      status: 1,
      stdout: '',
      stderr: 'There is no VirtualIP wep\n',
    })
  }
})

test('where nobody answers it is one sentence and status 1, also in the middle of a watch', async () => {
  const error = new Error('Cannot ask the agent')
  assert.deepEqual(await run({}, error), { status: 1, stdout: '', stderr: 'Cannot ask the agent\n' })
  const watched = await run({ watch: true }, [WEB], error)
  assert.deepEqual([watched.status, watched.stderr], [1, 'Cannot ask the agent\n'])
  assert.match(watched.stdout, /^NAME.*\nweb .*\n$/)
})

test('--watch goes on with a row for each change, in the same columns', async () => {
  const older = changed(WEB, { observedGeneration: 2 })
  const moved = changed(WEB, { master: 'node3', nodes: [node('node3', 'MASTER', 226, 'Preempted', 1)] })
  const { stdout } = await run({ watch: true }, [WEB, REFUSED], [older, REFUSED], [moved, REFUSED], [moved])
  assert.deepEqual(stdout.split('\n'), [
    'NAME   ADDRESS                      MASTER   READY   BACKUPS   VRID   SINCE   REASON',
    'web    192.168.1.100/24             node2    True    1/2       51     75s     ActiveDown',
    'bad    10.0.0.1/24,10.0.0.2/24,+2   -        False   -         -      5m      AddressTaken',
    'web    192.168.1.100/24             node3    True    1/2       51     1s      Preempted',
    'bad    deleted',
    '',
  ])
})

test('a condition that only looks newer is no change, a new message is', async () => {
  const again = (message: string, since: number) =>
    changed(WEB, { conditions: [condition('Ready', 'True', 'OneMaster', message, since)] })
  const { stdout } = await run({ watch: true }, [again('a', 9)], [again('a', 1)], [again('b', 1)])
  assert.equal(stdout.split('\n').length - 2, 2)
})

test('--watch of one by its name shows it anew for each change', async () => {
  const moved = changed(WEB, { master: 'node3', nodes: [node('node3', 'MASTER', 226, 'Preempted', 1)] })
  const { stdout } = await run({ watch: true, name: 'web' }, [WEB, REFUSED], [WEB], [moved, REFUSED], [])
  const blocks = stdout.split(/\n(?=NAME)/)
  assert.equal(blocks.length, 2)
  assert.match(blocks[1] ?? '', /\nnode3 +IPv4 +MASTER (.*\n)*\nweb was deleted\n$/)
})

test('--watch -o json is an object a line for each change', async () => {
  const moved = changed(WEB, { master: 'node3' })
  const { stdout } = await run({ watch: true, output: 'json' }, [WEB], [WEB], [moved], [])
  const lines = stdout.trim().split('\n')
  assert.deepEqual(
    lines.map(line => JSON.parse(line)),
    [
      { name: 'web', status: WEB.status },
      { name: 'web', status: moved.status },
      { name: 'web', deleted: true },
    ],
  )
})
