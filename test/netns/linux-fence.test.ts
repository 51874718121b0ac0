import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { type Fence, openFence } from '../../src/linux/fence.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'
import { startPings } from '../lab/pings.ts'

const lan = openLan({ bridge: 'br-fence' })
const [FENCED4, FENCED6, OWN4, OWN6] = ['10.9.6.100', 'fd09:6::100', '10.9.6.1', 'fd09:6::1']
const FENCED = [FENCED4, FENCED6].map(ipAddress)
const LONG = 60_000
let a: LabNode
let b: LabNode
let fence: Fence

before(() => {
  a = lan.addNode({ name: 'fence-a', addresses: [`${OWN4}/24`, `${OWN6}/64`, `${FENCED4}/24`, `${FENCED6}/64`] })
  b = lan.addNode({ name: 'fence-b', addresses: ['10.9.6.2/24', 'fd09:6::2/64'] })
  fence = inNamespace('fence-a', () => openFence('kube-vrrp-test'))
})
afterEach(() => {
  fence.end('1')
  fence.remove('1', FENCED)
})
after(() => {
  fence.close()
  lan.close()
})

test('what is behind it is answered for while its class is alive, by ARP, ND and IP alike, and other addresses always', async () => {
  assert.equal(fence.put('1', FENCED, LONG), undefined)
  assert.deepEqual(await resolved(), [OWN4, OWN6], 'to hosts that do not know it')
  assert.equal(fence.begin('1', LONG), undefined)
  assert.deepEqual(await resolved(), [FENCED4, FENCED6, OWN4, OWN6])
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6])
  assert.equal(fence.end('1'), undefined)
  assert.deepEqual(await answered(), [OWN4, OWN6], 'to hosts that know it')
  assert.deepEqual(await resolved(), [OWN4, OWN6])
})

test('a class ceases to be alive by itself, and is renewed only as long as it has not', async () => {
  fence.put('1', FENCED, LONG)
  assert.equal(fence.begin('1', 300), undefined)
  assert.equal(fence.renew(new Map([['1', LONG]])), true)
  await sleep(400)
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6], 'renewed')
  assert.equal(fence.renew(new Map([['1', 100]])), true)
  await sleep(250)
  assert.deepEqual(await answered(), [OWN4, OWN6], 'and over')
  assert.equal(fence.renew(new Map([['1', LONG]])), false)
  assert.deepEqual(await answered(), [OWN4, OWN6], 'a refused renewal changes nothing')
})

test('of two classes one that is over refuses the renewal of both', () => {
  fence.put('1', FENCED, LONG)
  fence.put('2', [ipAddress('10.9.6.101')], LONG)
  fence.begin('1', LONG)
  assert.equal(
    fence.renew(
      new Map([
        ['1', LONG],
        ['2', LONG],
      ]),
    ),
    false,
  )
  assert.equal(fence.renew(new Map([['1', LONG]])), true)
})

test('to begin a class that is alive does not make it live longer', async () => {
  fence.put('1', FENCED, LONG)
  fence.begin('1', 200)
  fence.begin('1', LONG)
  await sleep(350)
  assert.deepEqual(await answered(), [OWN4, OWN6])
})

test('what is put there is forgotten in time: a dead agent holds nothing back for ever', async () => {
  fence.put('1', FENCED, 4000)
  assert.deepEqual(await answered(), [OWN4, OWN6])
  await sleep(4000)
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6])
  assert.equal(fence.put('1', FENCED, LONG), undefined, 'and can be put there again')
  assert.equal(fence.remove('1', FENCED), undefined)
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6])
  fence.put('1', FENCED, 50)
  await sleep(100)
  assert.equal(fence.remove('1', FENCED), undefined, 'and be taken away when it was forgotten')
})

test('another link of the node, which came later, does not answer either', async () => {
  a.run('ip', 'link', 'add', 'late', 'link', 'eth0', 'type', 'macvlan', 'mode', 'bridge')
  a.run('ip', 'address', 'add', '10.9.6.3/24', 'dev', 'late')
  a.run('ip', 'link', 'set', 'late', 'up')
  fence.put('1', FENCED, LONG)
  const there = await resolved()
  a.run('ip', 'link', 'delete', 'late')
  assert.deepEqual(there, [OWN4, OWN6])
})

test('a new one in its place is empty, and gone it holds nothing back', async () => {
  fence.put('1', FENCED, LONG)
  const successor = inNamespace('fence-a', () => openFence('kube-vrrp-test'))
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6])
  successor.put('1', FENCED, LONG)
  assert.deepEqual(await answered(), [OWN4, OWN6])
  assert.equal(successor.destroy(), undefined)
  assert.deepEqual(await answered(), [FENCED4, FENCED6, OWN4, OWN6])
  successor.close()
  fence.close()
  fence = inNamespace('fence-a', () => openFence('kube-vrrp-test'))
})

test('the program nft can list it, and 1,020 addresses are put and renewed', () => {
  const many = Array.from({ length: 1020 }, (_, i) => ipAddress(`10.10.${i >> 8}.${i & 255}`))
  for (let i = 0; i < 3; i++) assert.equal(fence.put('1', many, LONG), undefined)
  assert.equal(fence.remove('1', many), undefined)
  const listed = a.run('nft', 'list', 'ruleset')
  assert.match(listed, /arp daddr ip @held4-1 meta protocol != @alive-1 drop/)
  assert.match(listed, /ip daddr @held4-1 meta protocol != @alive-1 drop/)
  assert.match(listed, /ip6 daddr @held6-1 meta protocol != @alive-1 drop/)
})

/** Which of all addresses answer to a host that must ask for their MAC first. */
async function resolved(): Promise<string[]> {
  b.run('ip', 'neighbour', 'flush', 'dev', 'eth0')
  return answered()
}

async function answered(): Promise<string[]> {
  const pings = await startPings(b, [FENCED4, FENCED6, OWN4, OWN6], 20)
  await sleep(200)
  const seen = (await pings.stop()).filter(({ protocol }) => protocol === 'ICMP')
  return seen.filter(({ sent, lost }) => lost.length < sent).map(({ address }) => address)
}
