/* What RFC 9568 and RFC 3768 say of frames, as they are on the wire; docs/conformance.md names these tests. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { comesTo } from '../lab/agent-view.ts'
import { startAsking } from '../lab/asking.ts'
import { type AgentDaemon, eventually, startAgent } from '../lab/daemons.ts'
import { readFrames } from '../lab/frames.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'
import { bytes } from '../vectors/read-vectors.ts'
import { withChecksum } from '../wire/with-checksum.ts'

describe('of two agents', () => {
  let lan: Lan
  let node1: LabNode
  let node2: LabNode
  let client: LabNode
  let reading: { close(): void }
  const agents: AgentDaemon[] = []
  /** In hexadecimal, what reached the client so far. */
  const frames: string[] = []

  before(async () => {
    lan = openLan({ bridge: 'br-conform' })
    const add = (name: string, last: number) =>
      lan.addNode({ name, addresses: [`10.1.0.${last}/24`, `fd01::${last}/64`] })
    node1 = add('conform1', 1)
    node2 = add('conform2', 2)
    client = add('conform3', 3)
    setForwarding(node1, 1)
    setForwarding(node2, 0)
    reading = readFrames(client, frame => frames.push(Buffer.from(frame).toString('hex')))
    const both = priorities({ [node1.name]: 200, [node2.name]: 100 })
    const common = { interface: { name: 'eth0' }, priorities: both }
    const file = stream(
      virtualIP('web', {
        ...common,
        addresses: ['10.1.0.100', 'fe80::100', 'fd01::100'],
        virtualRouterID: 51,
        checksum: 'RFC9568',
        advertisementInterval: '500ms',
      }),
      virtualIP('old', { ...common, addresses: ['10.1.0.101'], virtualRouterID: 52, version: 2 }),
    )
    agents.push(startAgent(node1, { file }), startAgent(node2, { file }))
    const [first, second] = agents as [AgentDaemon, AgentDaemon]
    for (const family of ['IPv4', 'IPv6'] as const) {
      await comesTo(first, 'MASTER', { family })
      await comesTo(second, 'BACKUP', { family })
    }
    await comesTo(first, 'MASTER', { virtualIP: 'old' })
    await comesTo(second, 'BACKUP', { virtualIP: 'old' })
  })
  after(() => {
    reading.close()
    lan.close()
  })

  test('over IPv4, each field of an advert, its IP header and its frame', async () => {
    // Version 3, type 1, VRID 51, priority 200, one address; Reserve 0, 50 centiseconds, a checksum of the message alone.
    const message = withChecksum('3133c801 0032 0000 0a010064')
    assertIpv4Advert(await frameWith(hex(message)), message)
    for (const node of [node1, node2]) assert.match(groupsOf(node), /inet +224\.0\.0\.18\b/)
  })

  test('of version 2, each field of an advert, its IP header and its frame', async () => {
    // Version 2, type 1, VRID 52, priority 200, one address; no authentication, 1 s, a checksum of the message alone; 8 zeros.
    const message = withChecksum('2134c801 0001 0000 0a010065 0000000000000000')
    assertIpv4Advert(await frameWith(hex(message)), message)
  })

  test('over IPv6, each field of an advert, its IP header and its frame', async () => {
    const start = '3133c8020032'
    const addresses = ['fe800000000000000000000000000100', 'fd010000000000000000000000000100']
    const frame = bytes(await frameWith(addresses.join('')))
    assert.equal(hex(frame.subarray(0, 14)), `333300000012${macOf(node1)}86dd`, 'to the group’s MAC, from the link’s')
    // 40 bytes follow the IP header, of protocol 112; Hop Limit 255.
    assert.equal(hex(frame.subarray(18, 22)), '002870ff')
    const source = linkLocalOf(node1)
    assert.equal(hex(frame.subarray(22, 38)), source, 'from the link-local address')
    assert.equal(hex(frame.subarray(38, 54)), 'ff020000000000000000000000000012')
    const message = frame.subarray(54)
    assert.equal(hex(message.subarray(0, 6)), start)
    assert.equal(hex(message.subarray(8)), addresses.join(''))
    // RFC 8200 §8.1: source, destination, length, Next Header; then the message. All of it sums up to ones.
    const covered = `${source}ff02000000000000000000000000001200000028 00000070${hex(message)}`
    assert.equal(onesComplementSum(bytes(covered)), 0xffff)
    for (const node of [node1, node2]) assert.match(groupsOf(node), /inet6 +ff02::12\b/)
  })

  test('a MASTER joins the solicited-node group and answers for the addresses; R says whether its node forwards', async () => {
    assert.match(groupsOf(node1), /inet6 +ff02::1:ff00:100\b/)
    const asking = await startAsking(client, ['10.1.0.100', 'fd01::100'], 50)
    await eventually('both are answered for', () => new Set(asking.answers.map(({ address }) => address)).size === 2)
    const answers = await asking.stop()
    assert.deepEqual([...new Set(answers.map(({ mac }) => mac))], [node1.mac], 'by the MASTER alone')
    // ICMPv6 136, then R, S and O; the target. Asked: R, S, O. Unasked, to all nodes: R and O.
    const target = 'fd010000000000000000000000000100'
    const asked = await frameWith(`e0000000${target}`)
    assert.equal(asked.slice(40, 42), '3a')
    const unasked = await frameWith(`a0000000${target}`)
    assert.equal(unasked.slice(0, 24), `333300000001${macOf(node1)}`)
    assert.equal(unasked.slice(108, 112), '8800')
  })

  test('a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses', async () => {
    const virtual = ['10.1.0.100', 'fe80::100', 'fd01::100', '10.1.0.101']
    const asking = await startAsking(client, virtual, 50)
    const answersFor = (address: string) => asking.answers.filter(each => each.address === address)
    await eventually('each was asked for ten times', () => virtual.every(address => answersFor(address).length >= 10))
    assert.deepEqual(
      (await asking.stop()).filter(({ mac }) => mac === node2.mac),
      [],
    )
    assert.doesNotMatch(groupsOf(node2), /ff02::1:ff00:100\b/)
    const held = ['10.1.0.100', 'fd01::100', '10.1.0.101']
    assert.deepEqual(connections(held, node1), ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'], 'the MASTER accepts')
    // As a host would that still takes it for the MASTER.
    assert.deepEqual(connections(held, node2), ['nothing', 'nothing', 'nothing'])
  })

  /** In hexadecimal, the first frame of the MASTER, heard or yet to come, that has these digits in it. */
  function frameWith(digits: string): Promise<string> {
    const isIt = (frame: string) => frame.slice(12, 24) === macOf(node1) && frame.includes(digits)
    return eventually(`a frame with ${digits}`, () => frames.find(isIt), { daemons: agents })
  }

  function assertIpv4Advert(digits: string, message: Uint8Array): void {
    const frame = bytes(digits)
    assert.equal(hex(frame.subarray(0, 14)), `01005e000012${macOf(node1)}0800`, 'to the group’s MAC, from the link’s')
    assert.equal(hex(frame.subarray(14, 15)), '45', 'an IPv4 header without options')
    assert.equal(((frame[16] ?? 0) << 8) | (frame[17] ?? 0), 20 + message.length)
    assert.equal(hex(frame.subarray(22, 24)), 'ff70', 'TTL 255, protocol 112')
    assert.equal(hex(frame.subarray(26, 34)), '0a010001e0000012', 'from the primary address to 224.0.0.18')
    assert.equal(hex(frame.subarray(34)), hex(message))
  }

  /** What becomes, within a second, of connections to a port that nobody listens on, where `node` is taken for the one to send to. */
  function connections(addresses: readonly string[], node: LabNode): string[] {
    for (const address of addresses)
      client.run('ip', 'neighbor', 'replace', address, 'lladdr', node.mac, 'nud', 'permanent', 'dev', 'eth0')
    const script = `
      const { connect } = require('node:net')
      const outcome = host => new Promise(resolve => {
        connect(9, host).on('error', ({ code }) => resolve(code))
        setTimeout(resolve, 1000, 'nothing')
      })
      Promise.all(${JSON.stringify(addresses)}.map(outcome)).then(all => {
        console.log(all.join())
        process.exit()
      })`
    return client.run('node', '-e', script).trim().split(',')
  }
})

function setForwarding(node: LabNode, on: 0 | 1): void {
  const settings = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']
  node.run('sh', '-c', settings.map(path => `echo ${on} >/proc/sys/net/${path}`).join('; '))
}

function groupsOf(node: LabNode): string {
  return node.run('ip', 'maddress', 'show', 'dev', 'eth0')
}

function macOf({ mac }: LabNode): string {
  return mac.replaceAll(':', '')
}

/** The one that the kernel made of the MAC (EUI-64), in hexadecimal. */
function linkLocalOf(node: LabNode): string {
  const [a = 0, ...rest] = bytes(macOf(node))
  return `fe80000000000000${hex(Uint8Array.of(a ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)))}`
}

function onesComplementSum(covered: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < covered.length; i += 2) sum += ((covered[i] ?? 0) << 8) | (covered[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return sum
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
