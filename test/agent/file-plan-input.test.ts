import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filePlanInput } from '../../src/agent/file-plan-input.ts'
import { parseVirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import type { LinkStatus } from '../../src/api/virtual-ip-node.ts'
import { type Plan, plan } from '../../src/plan/plan.ts'
import { nodeDocument, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const NODES = ['node1', 'node2', 'node3'].map(nodeDocument)

test('nodes with other host parts, and with more links or fewer, come to the same numbers for all', () => {
  const names = ['api', 'db', 'ftp', 'web']
  const text = stream(
    ...names.map((name, i) => virtualIP(name, { addresses: [`10.${i}.0.100/24`, `fd0${i}::100/64`] })),
    ...NODES,
  )
  const whole = planned(
    text,
    names.map((_, i) => link(`eth${i}`, `10.${i}.0.1/24`, `fd0${i}::1/64`)),
  )
  const lacking = planned(text, [link('ens3', '10.1.0.2/24', 'fd01::2/64'), link('ens4', '192.168.7.2/24')])
  assert.deepEqual(numbers(whole), numbers(lacking))
  assert.equal(numbers(whole).length, 24)
})

test('a VirtualIP whose subnet this node is not on is told to run on that subnet, which no link is called', () => {
  const text = stream(
    virtualIP('web', { addresses: ['10.2.0.100/24'] }),
    virtualIP('host', { addresses: ['10.3.0.100'] }),
    virtualIP('sub', { addresses: ['10.4.0.100/32'], interface: { subnet: '10.4.0.0/16' } }),
    virtualIP('named', { addresses: ['10.5.0.100/24'], interface: { name: 'eth9' } }),
    ...NODES,
  )
  const { nodes, virtualIPs } = planned(text, [link('eth0', '10.1.0.1/24')])
  const links = nodes.get('node1')?.virtualRouters.map(router => [router.virtualIP, router.link])
  assert.deepEqual(Object.fromEntries(links ?? []), {
    host: '10.3.0.100/32',
    named: 'eth9',
    sub: '10.4.0.0/16',
    web: '10.2.0.0/24',
  })
  assert.ok([...virtualIPs.values()].every(({ accepted }) => accepted.status === 'True'))
})

test('an address on another link, or one that is not advertised, says nothing about the link of the adverts', () => {
  const addresses = ['10.2.0.100/24', '10.3.0.100/24', 'fd02::100/64']
  const addressOptions = [
    { address: '10.3.0.100', link: 'eth9' },
    { address: 'fd02::100', advertised: false },
  ]
  const text = stream(virtualIP('web', { addresses, addressOptions }), ...NODES)
  const linksOf = (...links: LinkStatus[]) =>
    planned(text, links)
      .nodes.get('node1')
      ?.virtualRouters.map(({ family, link }) => `${family} ${link}`)
  assert.deepEqual(linksOf(link('eth9', '10.3.0.1/24', 'fd02::1/64')), ['IPv4 10.2.0.0/24'])
  assert.deepEqual(linksOf(link('eth9', '10.3.0.1/24'), link('eth0', '10.2.0.1/24')), ['IPv4 eth0'])
})

test('a link that is there goes before what stands in for it, however wide its subnet', () => {
  const text = stream(virtualIP('web', { addresses: ['10.1.0.100'] }), ...NODES)
  const { nodes } = planned(text, [link('eth1', '10.0.0.1/8')])
  assert.equal(nodes.get('node2')?.virtualRouters[0]?.link, 'eth1')
})

test('an address of the file that somebody put on a link of this node changes nothing in the plan', () => {
  const text = stream(
    virtualIP('web', { addresses: ['10.1.0.100/24'] }),
    virtualIP('low', { addresses: ['10.1.0.0/32', '10.1.0.1'] }),
    ...NODES,
  )
  const without = planned(text, [link('eth0', '10.1.0.7/24')])
  assert.deepEqual(planned(text, [link('eth0', '10.1.0.7/24', '10.1.0.100/32', '10.1.0.100/24')]), without)
  assert.equal(without.virtualIPs.get('low')?.accepted.status, 'True')
})

function planned(text: string, links: readonly LinkStatus[]): Plan {
  const file = parseVirtualIPFile(text)
  if (Array.isArray(file)) assert.fail(JSON.stringify(file))
  return plan(filePlanInput(file, links))
}

function numbers({ nodes }: Plan): string[] {
  return [...nodes].flatMap(([node, { virtualRouters }]) =>
    virtualRouters.map(
      ({ virtualIP, family, virtualRouterID, priority }) =>
        `${node} ${virtualIP} ${family} ${virtualRouterID} ${priority}`,
    ),
  )
}

function link(name: string, ...subnets: string[]): LinkStatus {
  return { name, carrier: true, subnets }
}
