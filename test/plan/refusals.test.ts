import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, eth0, link, print, sentence } from './cluster.ts'

const refusals: Record<string, { cluster: () => Cluster; sentence: string }> = {
  'there is no node': {
    cluster: () => new Cluster().apply('web'),
    sentence:
      'NoNodeMatches: There is no node yet: add one to the cluster (in file mode: name the nodes in priorities, or add Node documents)',
  },
  'no node has the labels': {
    cluster: () =>
      Cluster.of(2).apply('web', {
        nodeSelector: {
          matchLabels: { role: 'edge' },
          matchExpressions: [
            { key: 'rack', operator: 'In', values: ['a', 'b'] },
            { key: 'zone', operator: 'NotIn', values: ['c'] },
            { key: 'ssd', operator: 'Exists' },
            { key: 'spot', operator: 'DoesNotExist' },
          ],
        },
      }),
    sentence:
      'NoNodeMatches: No node matches the nodeSelector role=edge,rack in (a,b),zone notin (c),ssd,!spot: label a node, or change the selector',
  },
  'no agent has reported': {
    cluster: () => {
      const cluster = Cluster.of(2).apply('web')
      cluster.agent('node1').status = undefined
      cluster.agents.delete('node2')
      return cluster
    },
    sentence: 'NoAgent: No agent has reported from node1 and node2 yet: is the agent running there?',
  },
  'all agents are dead and none ran it': {
    cluster: () => {
      const cluster = Cluster.of(2).apply('web')
      for (const agent of cluster.agents.values()) agent.alive = false
      return cluster
    },
    sentence:
      'NoAgent: The agents of node1 and node2 have stopped reporting: see that they run and reach the API server',
  },
  'no node has the subnet': {
    cluster: () =>
      Cluster.of(7, i => [link('eth0', `192.168.${i === 7 ? 2 : 1}.${i}/24`)]).apply('web', {
        addresses: ['10.1.0.5/24'],
      }),
    sentence:
      'NoNodeHasSubnet: No node has a link in 10.1.0.0/24: the agents report 192.168.1.0/24 (node1 eth0, node2 eth0, node3 eth0, node4 eth0 and 2 more), 192.168.2.0/24 (node7 eth0). Correct the address, or say which link by interface',
  },
  'no node has a subnet for an address without prefix length': {
    cluster: () => Cluster.of(1).apply('web', { addresses: ['10.1.0.5'] }),
    sentence:
      'NoNodeHasSubnet: No node has a link in a subnet that contains 10.1.0.5: the agents report 192.168.1.0/24 and 2001:db8::/64 and fe80::/64 (node1 eth0). Correct the address, or say which link by interface',
  },
  'no node has the subnet of the interface': {
    cluster: () => Cluster.of(1, () => []).apply('web', { interface: { subnet: '10.1.0.0/24' } }),
    sentence:
      'NoNodeHasSubnet: No node has a link in 10.1.0.0/24: the agents report no link at all. Correct the address, or say which link by interface',
  },
  'no node has both families': {
    cluster: () =>
      Cluster.of(2, i => [i === 1 ? link('eth0', '192.168.1.1/24') : link('eth0', '2001:db8::2/64')]).apply('web', {
        addresses: ['192.168.1.100/24', '2001:db8::100/64'],
      }),
    sentence:
      'NoNodeHasSubnet: No node has a link in 192.168.1.0/24 and 2001:db8::/64: the agents report 192.168.1.0/24 (node1 eth0), 2001:db8::/64 (node2 eth0). Correct the address, or say which link by interface',
  },
  'none of the nodes in priorities can serve': {
    cluster: () => Cluster.of(1).apply('web', { priorities: [{ node: 'other', priority: 100 }] }),
    sentence: 'NoAgent: No agent has reported from other yet: is the agent running there?',
  },
  'an address is none': {
    cluster: () => Cluster.of(1).apply('web', { addresses: ['192.168.1.300/24'] }),
    sentence: 'Invalid: "192.168.1.300/24" is no IP address: write it as 192.168.1.100/24',
  },
  'it has no address': {
    cluster: () => Cluster.of(1).apply('web', { addresses: [] }),
    sentence: 'Invalid: It has no address: give at least one',
  },
  'an agent allows no process checks': {
    cluster: () => {
      const cluster = Cluster.of(2).apply('web', { checks: [{ name: 'nginx', process: { name: 'nginx' } }] })
      cluster.agent('node1').checksAllowed = ['Process']
      for (const agent of cluster.agents.values()) agent.report()
      return cluster
    },
    sentence:
      "CheckNotAllowed: Check nginx looks for a process, which the agent on node2 must allow first: start it with --allow-process-checks (the chart's value agent.allowProcessChecks), or remove the check",
  },
  'agents may read the pods of other namespaces': {
    cluster: () => {
      const pods = { namespace: 'web', selector: { matchLabels: { app: 'nginx' } } }
      const cluster = Cluster.of(3).apply('web', { checks: [{ name: 'app', pods }] })
      const allowed = { node1: ['db'], node2: ['web'], node3: ['*'] }
      for (const [node, namespaces] of Object.entries(allowed)) {
        const agent = cluster.agent(node)
        agent.checksAllowed = ['Pods']
        agent.podCheckNamespaces = namespaces
        agent.report()
      }
      return cluster
    },
    sentence:
      "CheckNotAllowed: Check app looks for pods in web, which the agent on node1 must allow first: start it with --pod-check-namespaces=web (the chart's value agent.podCheckNamespaces), or remove the check",
  },
  'agents allow files in other folders': {
    cluster: () => {
      const cluster = Cluster.of(3).apply('web', { checks: [{ name: 'load', file: { path: '/run/app/load' } }] })
      cluster.agent('node2').checksAllowed = ['Process', 'File']
      cluster.agent('node2').fileCheckFolders = ['/etc', '/run/ap']
      cluster.agent('node3').checksAllowed = ['File']
      cluster.agent('node3').fileCheckFolders = ['/etc', '/run']
      for (const agent of cluster.agents.values()) agent.report()
      return cluster
    },
    sentence:
      "CheckNotAllowed: Check load reads /run/app/load, which the agents on node1 and node2 must allow first: start them with --file-check-folders=/run/app (the chart's value agent.fileCheckFolders), or remove the check",
  },
  'no agent allows commands': {
    cluster: () => {
      const cluster = Cluster.of(2).apply('web', { checks: [{ name: 'curl', exec: { command: ['curl'] } }] })
      for (const agent of cluster.agents.values()) {
        agent.checksAllowed = ['Process']
        agent.report()
      }
      return cluster
    },
    sentence:
      "CheckNotAllowed: Check curl runs a command, which the agents on node1 and node2 must allow first: start them with --allow-exec-checks (the chart's value agent.allowExecChecks), or remove the check",
  },
}

for (const [what, { cluster, sentence: expected }] of Object.entries(refusals)) {
  test(`${what}: the VirtualIP is refused with a sentence`, () => {
    const planned = cluster().plan()
    assert.equal(sentence(planned, 'web'), expected)
    assert.equal(planned.virtualIPs.get('web')?.accepted.status, 'False')
    assert.deepEqual(planned.virtualIPs.get('web')?.members, [])
    for (const spec of planned.nodes.values()) assert.deepEqual(spec, { virtualRouters: [] })
  })
}

test('checks by HTTP and TCP need no leave of any agent', () => {
  const livez = { name: 'livez', http: { port: 6443, path: '/livez' } }
  const port = { name: 'port', tcp: { port: 6443 } }
  const planned = Cluster.of(2)
    .apply('web', { checks: [livez, port] })
    .plan()
  assert.equal(planned.virtualIPs.get('web')?.accepted.status, 'True')
  const told = { interval: '1s', timeout: '1s', rise: 1, fall: 1 }
  assert.deepEqual(planned.nodes.get('node1')?.virtualRouters[0]?.checks, [
    { ...livez, ...told },
    { ...port, ...told },
  ])
})

test('one VirtualIP that is refused is no matter to the others', () => {
  const cluster = Cluster.of(2, i => [eth0(i)])
    .apply('bad', { addresses: ['10.1.0.5/24'] })
    .apply('good')
  assert.equal(print(cluster.plan()), 'bad NoNodeHasSubnet\ngood node1=250 node2=238')
})

test('what ran goes on while no node matches or a check is not allowed', () => {
  const cluster = Cluster.of(2).apply('web')
  const ranks = print(cluster.settle()).slice('web '.length)
  cluster.apply('web', { nodeSelector: { matchLabels: { role: 'edge' } }, addresses: ['192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), `web NoNodeMatches ${ranks}`)
  cluster.apply('web', { addresses: ['192.168.1.100/24'], checks: [{ name: 'true', exec: { command: ['true'] } }] })
  assert.equal(print(cluster.settle()), `web CheckNotAllowed ${ranks}`)
  assert.equal(cluster.agent('node1').spec?.virtualRouters[0]?.checks, undefined)
})
