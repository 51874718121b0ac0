import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RouterStateName, VirtualIP, VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import type { Planned } from '../../src/status/planned.ts'
import { type NodeHealth, type RouterReport, summarise } from '../../src/status/summary.ts'

const NOW = '2026-01-01T12:00:00Z'
const SINCE = '2026-01-01T11:00:00Z'

const WELL: NodeHealth = { silentAgents: new Map(), silentKubelets: new Set() }

const virtualIP: VirtualIP = {
  apiVersion: 'kube-vrrp.io/v1alpha1',
  kind: 'VirtualIP',
  metadata: { name: 'web', generation: 7 },
  spec: { addresses: ['192.168.1.100/24'] },
}

/** node1 … nodeN with 250, 238 …, of one family or both. */
function planned(count: number, families: ('IPv4' | 'IPv6')[] = ['IPv4']): Planned {
  const nodes = Array.from({ length: count }, (_, i) => ({ node: `node${i + 1}`, priority: 250 - 12 * i }))
  return {
    accepted: { status: 'True', reason: 'Accepted', message: 'They take part' },
    virtualRouterID: 56,
    members: nodes.flatMap(member => families.map(family => ({ ...member, family, link: 'eth0' }))),
  }
}

const refused: Planned = {
  accepted: { status: 'False', reason: 'NoNodeHasSubnet', message: 'No node has a link in 10.1.0.0/24' },
  members: [],
}

/** `node1 MASTER`, `node1 MASTER IPv6`. Reported at 0, renewed at 10,000: long since. */
function report(text: string, more: Partial<RouterReport> = {}): RouterReport {
  const [node = '', state, family = 'IPv4'] = text.split(' ')
  return {
    node,
    family: family as 'IPv4',
    state: state as RouterStateName,
    priority: 262 - 12 * Number(node.slice(4)),
    link: 'eth0',
    since: SINCE,
    reason: 'Startup',
    checks: [],
    primaryAddress: `10.0.0.${node.slice(4)}`,
    ...(state === 'BACKUP' ? { activeAddress: '10.0.0.1' } : {}),
    reportedAt: 0,
    leaseRenewedAt: 10_000,
    fresh: true,
    ...more,
  }
}

function unrenewed({ leaseRenewedAt: _, ...report }: RouterReport): RouterReport {
  return report
}

function silent(node: string, why: string): NodeHealth {
  return { ...WELL, silentAgents: new Map([[node, why]]) }
}

function summed(
  plan: Planned,
  reports: RouterReport[],
  previous?: VirtualIPStatus,
  health = WELL,
  at = 100_000,
): VirtualIPStatus {
  return summarise({ virtualIP, health, plan, reports, now: NOW, at, ...(previous ? { previous } : {}) })
}

/** `node1 MASTER`, one for each row; with the reason where it is ours. */
function rows({ nodes = [] }: VirtualIPStatus): string[] {
  return nodes.map(({ node, family, state, reason }) =>
    [node, state, ...(family === 'IPv6' ? [family] : []), ...(reason === 'Startup' ? [] : [reason])].join(' '),
  )
}

function condition({ conditions = [] }: VirtualIPStatus, type: string): string {
  const found = conditions.find(candidate => candidate.type === type)
  return `${found?.status} ${found?.reason}: ${found?.message}`
}

const healthy = [report('node1 MASTER'), report('node2 BACKUP'), report('node3 BACKUP')]

test('all well: a MASTER, two BACKUPs, and six conditions that say so', () => {
  assert.deepEqual(summed(planned(3), healthy), {
    observedGeneration: 7,
    virtualRouterID: 56,
    master: 'node1',
    backups: '2/2',
    conditions: [
      { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'They take part' },
      { type: 'Ready', status: 'True', reason: 'MasterElected', message: 'node1 is MASTER' },
      { type: 'Redundant', status: 'True', reason: 'BackupReady', message: 'node2 and node3 stand by' },
      { type: 'SplitBrain', status: 'False', reason: 'NotSplit', message: 'No two nodes are MASTER at the same time' },
      {
        type: 'AddressConflict',
        status: 'False',
        reason: 'NoOtherHolder',
        message: 'No other host says that it has one of the addresses; the MASTER asks every 2s',
      },
      {
        type: 'Degraded',
        status: 'False',
        reason: 'NothingWrong',
        message: 'What nodes hear of each other is as it should be',
      },
    ].map(condition => ({ ...condition, observedGeneration: 7, lastTransitionTime: NOW })),
    nodes: [
      { node: 'node1', family: 'IPv4', state: 'MASTER', priority: 250, link: 'eth0', since: SINCE, reason: 'Startup' },
      { node: 'node2', family: 'IPv4', state: 'BACKUP', priority: 238, link: 'eth0', since: SINCE, reason: 'Startup' },
      { node: 'node3', family: 'IPv4', state: 'BACKUP', priority: 226, link: 'eth0', since: SINCE, reason: 'Startup' },
    ],
  })
})

test('the same again is the same status, also later', () => {
  const first = summed(planned(3), healthy)
  const again = summarise({
    virtualIP,
    health: WELL,
    plan: planned(3),
    reports: healthy,
    previous: first,
    now: '2026-01-02T00:00:00Z',
    at: 100_000,
  })
  assert.deepEqual(again, first)
})

test('where no agent ever reported, why the first one is silent', () => {
  const plan = { ...refused, accepted: { ...refused.accepted, reason: 'NoAgent', message: 'No agent has reported.' } }
  const status = summed(plan, [], undefined, silent('node1', "the agent's pod x is ImagePullBackOff"))
  for (const type of ['Accepted', 'Ready', 'Redundant']) {
    assert.match(condition(status, type), /No agent has reported\. On node1: the agent's pod x is ImagePullBackOff$/)
  }
})

test('a planned node whose agent never reported says why it is silent', () => {
  const status = summed(planned(2), [report('node1 MASTER')], undefined, silent('node2', 'its pod is Evicted'))
  assert.equal(status.nodes?.[1]?.message, 'The agent on node2 has not reported on it yet: its pod is Evicted')
  const nobody = summed(planned(1), [], undefined, silent('node1', 'its pod is Evicted'))
  assert.match(condition(nobody, 'Ready'), /^False NoMaster: .*: its pod is Evicted\)$/)
})

test('a node whose kubelet is silent is what its agent says, and both are said', () => {
  const health = { ...WELL, silentKubelets: new Set(['node1', 'node3']) }
  const said = report('node1 MASTER', { message: 'It ranks first' })
  const { nodes = [] } = summed(planned(2), [said, report('node2 BACKUP')], undefined, health)
  const note = 'The Node is not Ready: its kubelet is silent or in trouble, its agent is well'
  assert.deepEqual(
    nodes.map(({ state, message }) => [state, message]),
    [
      ['MASTER', `It ranks first. ${note}`],
      ['BACKUP', undefined],
    ],
  )
})

test('a check that fails is said where it only costs priority, too', () => {
  const checks = [
    { name: 'nginx', passing: false, message: 'No process nginx runs' },
    { name: 'disk', passing: true },
  ]
  const { nodes = [] } = summed(planned(3), [
    report('node1 BACKUP', { message: 'It ranks second', checks }),
    report('node2 MASTER', { checks: [{ name: 'nginx', passing: true }] }),
    report('node3 FAULT', { reason: 'CheckFailed', message: 'Check nginx fails: No process nginx runs', checks }),
  ])
  assert.deepEqual(
    nodes.map(({ message }) => message),
    [
      'It ranks second. Check nginx fails: No process nginx runs',
      undefined,
      'Check nginx fails: No process nginx runs',
    ],
  )
})

test('a MASTER that leaves in good order hands over for a second: nothing is wrong until then', () => {
  const before = summed(planned(2), [report('node1 MASTER'), report('node2 BACKUP')])
  const left = [report('node1 INITIALIZE', { reportedAt: 20_000 }), report('node2 BACKUP')]
  const during = summed(planned(2), left, before, WELL, 20_999)
  assert.match(condition(during, 'Ready'), /^True HandingOver: The MASTER hands over/)
  assert.equal(during.master, undefined)
  assert.deepEqual(summed(planned(2), left, during, WELL, 20_999), during)
  const late = summed(planned(2), left, during, WELL, 21_000)
  assert.match(condition(late, 'Ready'), /^False NoMaster/)
  assert.equal(late.master, undefined)
  const followed = summed(planned(2), [left[0] as RouterReport, report('node2 MASTER')], during, WELL, 20_500)
  assert.match(condition(followed, 'Ready'), /^True MasterElected: node2/)
})

test('a MASTER in FAULT, or whose agent is silent, hands nothing over', () => {
  const before = summed(planned(2), [report('node1 MASTER'), report('node2 BACKUP')])
  for (const gone of [report('node1 FAULT', { reportedAt: 20_000 }), report('node1 INITIALIZE', { fresh: false })]) {
    const after = summed(planned(2), [gone, report('node2 BACKUP')], before, WELL, 20_001)
    assert.match(condition(after, 'Ready'), /^False NoMaster/)
  }
})

test('at first sight everything is said: nobody has reported', () => {
  const status = summed(planned(2), [])
  assert.deepEqual(rows(status), ['node1 INITIALIZE NotReported', 'node2 INITIALIZE NotReported'])
  assert.equal(status.master, undefined)
  assert.equal(status.backups, '0/1')
  assert.equal(condition(status, 'Ready'), 'False Waiting: Waiting for the agents of node1 and node2 to report on it')
  assert.equal(
    condition(status, 'Redundant'),
    'False NoBackup: No node stands by: node1 is INITIALIZE (The agent on node1 has not reported on it yet); node2 is INITIALIZE (The agent on node2 has not reported on it yet)',
  )
})

test('one that is not accepted has no node, and says why', () => {
  const status = summed(refused, [])
  const why = 'No node serves it, for it is not accepted: No node has a link in 10.1.0.0/24'
  assert.equal(condition(status, 'Accepted'), 'False NoNodeHasSubnet: No node has a link in 10.1.0.0/24')
  assert.equal(condition(status, 'Ready'), `False NotAccepted: ${why}`)
  assert.equal(condition(status, 'Redundant'), `False NotAccepted: ${why}`)
  assert.deepEqual(
    [status.nodes, status.backups, status.master, status.virtualRouterID],
    [[], undefined, undefined, undefined],
  )
})

test('one that is not accepted any more and goes on is Ready all the same', () => {
  const status = summed({ ...planned(3), accepted: refused.accepted }, healthy)
  assert.match(condition(status, 'Accepted'), /^False NoNodeHasSubnet/)
  assert.equal(condition(status, 'Ready'), 'True MasterElected: node1 is MASTER')
})

describe('nobody is MASTER', () => {
  test('each node says what is wrong with it, faults first', () => {
    const fault = report('node2 FAULT', { reason: 'LinkDown', message: 'Link eth0 is down (ip link set eth0 up)' })
    const status = summed(planned(2), [report('node1 BACKUP'), fault])
    assert.equal(
      condition(status, 'Ready'),
      'False NoMaster: No node is MASTER: node2 is FAULT (Link eth0 is down (ip link set eth0 up)); node1 is BACKUP',
    )
    assert.equal(condition(status, 'Redundant'), 'True BackupReady: node1 stands by')
  })

  test('and all stand by: they are no more than planned', () => {
    const status = summed(planned(2), [report('node1 BACKUP'), report('node2 BACKUP')])
    assert.equal(status.backups, '1/1')
    assert.equal(condition(status, 'Redundant'), 'True BackupReady: node1 and node2 stand by')
    assert.equal(condition(status, 'Ready'), 'False NoMaster: No node is MASTER: node1 is BACKUP; node2 is BACKUP')
  })

  test('a fault without a sentence has its reason', () => {
    const status = summed(planned(1), [report('node1 FAULT', { reason: 'NoCarrier' })])
    assert.equal(condition(status, 'Ready'), 'False NoMaster: No node is MASTER: node1 is FAULT (NoCarrier)')
  })
})

test('one node alone is Ready, not Redundant', () => {
  const status = summed(planned(1), [report('node1 MASTER')])
  assert.match(condition(status, 'Ready'), /^True/)
  assert.equal(
    condition(status, 'Redundant'),
    'False SingleNode: node1 alone takes part: when it fails, nobody takes over. Let more nodes match, or give them the subnet',
  )
  assert.equal(status.backups, '0/0')
})

describe('a MASTER that crashed', () => {
  const previous = summed(planned(3), healthy)
  const takenOver = [
    report('node1 MASTER', { leaseRenewedAt: 19_000 }),
    report('node2 MASTER', { reportedAt: 20_000, leaseRenewedAt: 18_000, reason: 'ActiveDown' }),
    report('node3 BACKUP'),
  ]

  test('is not shown as MASTER as soon as another reports it, although its Lease is still fresh', () => {
    const status = summed(planned(3), takenOver, previous)
    assert.equal(status.master, 'node2')
    assert.deepEqual(rows(status), ['node1 INITIALIZE Superseded', 'node2 MASTER ActiveDown', 'node3 BACKUP'])
    assert.equal(status.nodes?.[0]?.message, 'Was MASTER; node2 took over, and node1 has said nothing since')
    assert.match(condition(status, 'Ready'), /^True MasterElected: node2/)
    assert.match(condition(status, 'SplitBrain'), /^False/)
    assert.equal(status.backups, '1/2')
  })

  test('is never a split brain, however long the survivor renews', () => {
    const later = takenOver.map(each => (each.node === 'node2' ? { ...each, leaseRenewedAt: 29_000 } : each))
    assert.match(condition(summed(planned(3), later, previous), 'SplitBrain'), /^False/)
  })

  test('is unreachable when its Lease is stale, with what was seen last, since the moment that was found', () => {
    const stale = takenOver.map(each => (each.node === 'node1' ? { ...each, fresh: false } : each))
    const health = silent('node1', 'the Node was deleted from the cluster')
    const status = summed(planned(3), stale, previous, health)
    assert.deepEqual(status.nodes?.[0], {
      node: 'node1',
      family: 'IPv4',
      state: 'FAULT',
      priority: 250,
      link: 'eth0',
      since: NOW,
      reason: 'AgentUnreachable',
      message:
        'Last seen as MASTER; the agent on node1 does not renew its Lease: the Node was deleted from the cluster',
    })
    const later = summarise({
      virtualIP,
      health: silent('node1', 'the Node was deleted from the cluster'),
      plan: planned(3),
      reports: stale,
      previous: status,
      now: '2026-01-02T00:00:00Z',
      at: 100_000,
    })
    assert.deepEqual(later, status, 'it does not age by the minute')
  })

  test('leaves no MASTER while nobody took over', () => {
    const status = summed(planned(2), [report('node1 MASTER', { fresh: false }), report('node2 BACKUP')], previous)
    assert.equal(status.master, undefined)
    assert.equal(
      condition(status, 'Ready'),
      'False NoMaster: No node is MASTER: node1 is unreachable (Last seen as MASTER; the agent on node1 does not renew its Lease); node2 is BACKUP',
    )
  })

  test('and a BACKUP that crashed do not stand by', () => {
    const status = summed(planned(2), [report('node1 MASTER'), report('node2 BACKUP', { fresh: false })], previous)
    assert.equal(status.backups, '0/1')
    assert.match(condition(status, 'Redundant'), /^False NoBackup: No node stands by: node2 is unreachable/)
  })
})

describe('two nodes that report MASTER', () => {
  const one = report('node1 MASTER', { reportedAt: 1000, leaseRenewedAt: 21_000 })
  const other = report('node2 MASTER', { reportedAt: 20_000, leaseRenewedAt: 19_000 })

  test('are no split brain until both have renewed after the later report; the newest report wins', () => {
    const status = summed(planned(2), [one, other])
    assert.equal(status.master, 'node2')
    assert.deepEqual(rows(status), ['node1 MASTER', 'node2 MASTER'])
    assert.match(condition(status, 'SplitBrain'), /^False/)
    assert.match(condition(status, 'Ready'), /^True/)
  })

  test('are one when they have: with a sentence that says what to do', () => {
    const status = summed(planned(2), [one, { ...other, leaseRenewedAt: 22_000 }])
    const sentence =
      'node1 (eth0) and node2 (eth0) are MASTER for IPv4 at the same time: they do not hear each other. See that IP protocol 112 passes between them, to 224.0.0.18'
    assert.equal(condition(status, 'SplitBrain'), `True TwoMasters: ${sentence}`)
    assert.equal(condition(status, 'Ready'), `False SplitBrain: ${sentence}`)
  })

  test('are none when one of them is stale, or each has its own family', () => {
    const renewed = { ...other, leaseRenewedAt: 22_000 }
    assert.match(condition(summed(planned(2), [{ ...one, fresh: false }, renewed]), 'SplitBrain'), /^False/)
    const status = summed(planned(2, ['IPv4', 'IPv6']), [
      one,
      report('node1 BACKUP IPv6'),
      report('node2 BACKUP'),
      { ...renewed, family: 'IPv6' },
    ])
    assert.match(condition(status, 'SplitBrain'), /^False/)
  })

  test('a renewal in the very moment of the later report proves nothing', () => {
    const same = summed(planned(2), [
      { ...one, leaseRenewedAt: 20_000 },
      { ...other, leaseRenewedAt: 22_000 },
    ])
    assert.match(condition(same, 'SplitBrain'), /^False/)
  })

  test('one that is no member any more and still MASTER is shown as long as it is', () => {
    const status = summed(planned(1), [
      report('node1 BACKUP'),
      report('node9 MASTER', { reason: 'ActiveDown' }),
      report('node8 BACKUP'),
    ])
    assert.equal(status.master, 'node9')
    assert.deepEqual(rows(status), ['node1 BACKUP', 'node9 MASTER ActiveDown'])
  })
})

describe('reports that arrive together, as when a controller starts', () => {
  const before = (master: string) => ({ master })
  const [one, other] = [
    unrenewed(report('node1 MASTER', { reportedAt: 1000.2, since: '2026-01-01T10:00:00Z' })),
    unrenewed(report('node2 MASTER', { reportedAt: 1000, since: '2026-01-01T11:00:00Z' })),
  ]

  test('leave the MASTER there was', () => {
    assert.equal(summed(planned(2), [one, other], before('node1')).master, 'node1')
    assert.equal(summed(planned(2), [one, other], before('node2')).master, 'node2')
  })

  test('unless it is stale, or only the other has renewed since', () => {
    assert.equal(summed(planned(2), [{ ...one, fresh: false }, other], before('node1')).master, 'node2')
    assert.equal(summed(planned(2), [one, { ...other, leaseRenewedAt: 2000 }], before('node1')).master, 'node2')
  })

  test('where there was none, the one that says it became MASTER later', () => {
    assert.equal(summed(planned(2), [one, other]).master, 'node2')
    assert.equal(summed(planned(2), [{ ...one, since: '2026-01-01T12:00:00Z' }, other]).master, 'node1')
  })

  test('do not hide a report that is clearly newer', () => {
    assert.equal(summed(planned(2), [{ ...one, reportedAt: 1101 }, other], before('node2')).master, 'node1')
  })
})

describe('both families', () => {
  const both = planned(2, ['IPv4', 'IPv6'])

  test('on one node: that is the MASTER', () => {
    const reports = ['node1 MASTER', 'node1 MASTER IPv6', 'node2 BACKUP', 'node2 BACKUP IPv6'].map(text => report(text))
    const status = summed(both, reports)
    assert.equal(condition(status, 'Ready'), 'True MasterElected: node1 is MASTER')
    assert.equal(status.backups, '1/1')
    assert.equal(status.nodes?.length, 4)
  })

  test('on two nodes: the MASTER is that of IPv4, the sentence names both, and neither stands by', () => {
    const reports = ['node1 BACKUP', 'node1 MASTER IPv6', 'node2 MASTER', 'node2 BACKUP IPv6'].map(text => report(text))
    const status = summed(both, reports)
    assert.equal(status.master, 'node2')
    assert.equal(condition(status, 'Ready'), 'True MasterElected: node2 is MASTER for IPv4, node1 is MASTER for IPv6')
    assert.equal(status.backups, '0/1')
  })

  test('one of them without MASTER: not Ready, and only that family is spoken of', () => {
    const reports = ['node1 MASTER', 'node1 FAULT IPv6', 'node2 BACKUP', 'node2 BACKUP IPv6'].map(text => report(text))
    const status = summed(both, reports)
    assert.equal(status.master, 'node1')
    assert.equal(
      condition(status, 'Ready'),
      'False NoMaster: No node is MASTER for IPv6: node1 is FAULT (Startup); node2 is BACKUP',
    )
  })

  test('split in both: one sentence', () => {
    const reports = ['node1 MASTER', 'node1 MASTER IPv6', 'node2 MASTER', 'node2 MASTER IPv6'].map(text => report(text))
    assert.equal(
      condition(summed(both, reports), 'SplitBrain'),
      'True TwoMasters: node1 (eth0) and node2 (eth0) are MASTER for IPv4 and IPv6 at the same time: they do not hear each other. See that IP protocol 112 passes between them, to 224.0.0.18 and ff02::12',
    )
  })
})

describe('what nodes hear is told, with whom it was heard from', () => {
  const observation = (reason: string, source: string) => ({
    reason,
    source,
    message: `${source} is odd`,
    since: SINCE,
  })
  const hears = (text: string, reason: string, source: string) =>
    report(text, { observations: [observation(reason, source)] })

  test('a node of ours is named, a stranger is said to be one', () => {
    const own = [hears('node1 MASTER', 'TTLMismatch', '10.0.0.2'), report('node2 BACKUP')]
    const text = 'True TTLMismatch: On node1: 10.0.0.2 is odd (10.0.0.2 is node2)'
    assert.equal(condition(summed(planned(2), own), 'Degraded'), text)
    const foreign = [hears('node1 MASTER', 'AuthenticationMismatch', '10.0.0.9'), report('node2 BACKUP')]
    assert.equal(
      condition(summed(planned(2), foreign), 'Degraded'),
      'True AuthenticationMismatch: On node1: 10.0.0.9 is odd (10.0.0.9 is no node of this VirtualIP)',
    )
  })

  test('while an agent does not say what it sends from, nobody is called a stranger', () => {
    const { primaryAddress: _, ...old } = report('node2 BACKUP')
    const reports = [hears('node1 MASTER', 'TTLMismatch', '10.0.0.9'), old]
    assert.equal(condition(summed(planned(2), reports), 'Degraded'), 'True TTLMismatch: On node1: 10.0.0.9 is odd')
  })

  test('of many troubles the first are told, and how many more there are', () => {
    const observations = Array.from({ length: 6 }, (_, i) => observation('TTLMismatch', `10.0.0.${20 + i}`))
    const { conditions = [] } = summed(planned(1), [report('node1 MASTER', { observations })])
    const { message = '' } = conditions.find(({ type }) => type === 'Degraded') ?? {}
    assert.match(message, /^On node1: 10\.0\.0\.20 is odd .*10\.0\.0\.23 is odd .*\. And 2 more$/)
  })

  test('a dead agent observes nothing', () => {
    const dead = { ...hears('node1 MASTER', 'TTLMismatch', '10.0.0.9'), fresh: false }
    assert.match(condition(summed(planned(2), [dead, report('node2 MASTER')]), 'Degraded'), /^False NothingWrong/)
    assert.match(condition(summed(planned(1), [dead]), 'Degraded'), /^Unknown NotReported/)
  })

  test('another host that has an address is an AddressConflict; without a MASTER nobody asks', () => {
    const mac = '02:00:00:00:00:09'
    const reports = [hears('node1 MASTER', 'AddressClaimed', mac), report('node2 BACKUP', { mac: '02:00:00:00:00:02' })]
    assert.equal(
      condition(summed(planned(2), reports), 'AddressConflict'),
      `True AddressClaimed: On node1: ${mac} is odd (${mac} is no node of this VirtualIP)`,
    )
    assert.match(condition(summed(planned(2), reports), 'Degraded'), /^False/)
    const left = [hears('node1 MASTER', 'AddressClaimed', '02:00:00:00:00:02'), reports[1] ?? report('node2 BACKUP')]
    assert.match(condition(summed(planned(2), left), 'AddressConflict'), /is node2\)$/)
    const other = [hears('node1 BACKUP', 'SameAddressOtherVRID', '10.0.0.9'), report('node2 MASTER')]
    assert.match(condition(summed(planned(2), other), 'AddressConflict'), /^True SameAddressOtherVRID/)
    assert.match(condition(summed(planned(1), [report('node1 BACKUP')]), 'AddressConflict'), /^Unknown NoMaster/)
  })

  test('a MASTER that hears another go on is a split brain, also where that one is no node of ours', () => {
    const status = summed(planned(2), [hears('node1 MASTER', 'OtherMaster', '10.0.0.9'), report('node2 BACKUP')])
    const text = 'On node1: 10.0.0.9 is odd (10.0.0.9 is no node of this VirtualIP)'
    assert.equal(condition(status, 'SplitBrain'), `True OtherMaster: ${text}`)
    assert.equal(condition(status, 'Ready'), `False SplitBrain: ${text}`)
  })

  test('of two MASTERs that are nodes of ours, which way adverts are lost, or why they are refused', () => {
    const oneWay = [hears('node1 MASTER', 'OtherMaster', '10.0.0.2'), report('node2 MASTER')]
    assert.match(
      condition(summed(planned(2), oneWay), 'SplitBrain'),
      /^True TwoMasters: node1 \(eth0\) and node2 \(eth0\) are MASTER for IPv4 at the same time: node1 hears node2, which does not hear node1\. See that IP protocol 112 passes from node1 to node2, to 224\.0\.0\.18$/,
    )
    const refused = [
      hears('node1 MASTER', 'AuthenticationMismatch', '10.0.0.2'),
      hears('node2 MASTER', 'AuthenticationMismatch', '10.0.0.1'),
    ]
    assert.match(
      condition(summed(planned(2), refused), 'SplitBrain'),
      /at the same time: on node1 10\.0\.0\.2 is odd \(it is node2\)$/,
    )
  })
})

describe('who follows whom is held against who says to be MASTER', () => {
  const backup = (text: string, activeAddress: string | undefined, more: Partial<RouterReport> = {}) => {
    const { activeAddress: _, ...rest } = report(text, more)
    return activeAddress === undefined ? rest : { ...rest, activeAddress }
  }

  test('a MASTER that lost its link is no stranger to those that follow it still', () => {
    const left = [report('node1 FAULT', { reportedAt: 9000 }), backup('node2 BACKUP', '10.0.0.1')]
    assert.match(condition(summed(planned(2), left), 'Degraded'), /^False/)
  })

  test('a foreign router with our VRID, with its priority', () => {
    const all = ['node1', 'node2'].map(node => backup(`${node} BACKUP`, '10.0.0.9', { activePriority: 254 }))
    assert.match(
      condition(summed(planned(2), all), 'Degraded'),
      /^True ForeignRouter: node1 follows 10\.0\.0\.9 \(priority 254\), which is no node of this VirtualIP; end that router, or give this VirtualIP a virtualRouterID that is free there\. node2 follows /,
    )
    const apart = [report('node1 MASTER'), backup('node2 BACKUP', '10.0.0.9')]
    assert.match(
      condition(summed(planned(2), apart), 'Degraded'),
      /^True ForeignRouter: node2 follows 10\.0\.0\.9, which is no node of this VirtualIP, while node1 is MASTER: they do not hear each other; end /,
    )
  })

  test('a BACKUP that hears nothing while another is MASTER, and a MASTER that no one hears', () => {
    const one = [report('node1 MASTER'), backup('node2 BACKUP', undefined), report('node3 BACKUP')]
    assert.equal(
      condition(summed(planned(3), one), 'Degraded'),
      'True MasterNotHeard: node1 is MASTER for IPv4, and node2 does not hear it: let IP protocol 112 into node2 (eth0)',
    )
    const none = [report('node1 MASTER'), backup('node2 BACKUP', undefined), backup('node3 BACKUP', undefined)]
    assert.equal(
      condition(summed(planned(3), none), 'Degraded'),
      'True MasterNotHeard: node1 is MASTER for IPv4, and no BACKUP hears it: let IP protocol 112 out of node1 (eth0)',
    )
  })

  test('no such thing is said in a failover, which one has told of and the other not yet', () => {
    const told = [report('node1 BACKUP', { activeAddress: '10.0.0.2' }), report('node2 MASTER'), report('node3 BACKUP')]
    const since = (reports: RouterReport[], last: Partial<RouterReport>) =>
      reports.map((one, i) => (i === 2 ? { ...one, ...last } : one))
    const justNow = since(told, { reportedAt: 10_001 })
    assert.match(condition(summed(planned(3), justNow), 'Degraded'), /^False/)
    assert.match(condition(summed(planned(3), since(told, { leaseRenewedAt: 0 })), 'Degraded'), /^False/)
    assert.match(
      condition(summed(planned(3), told), 'Degraded'),
      /^True MasterNotHeard: node3 follows 10\.0\.0\.1, which is node1/,
    )
  })
})
