import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oddAdvert, sameAddressOtherRouter } from '../../src/agent/odd-adverts.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import type { Observation, VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const source = ipAddress('10.0.0.2')
const addresses = [ipAddress('10.0.0.100'), ipAddress('10.0.0.101')]

const SENTENCES: readonly (readonly [Observation, 2 | 3, string | undefined])[] = [
  [
    { type: 'IntervalMismatch', source, heard: 2000, configured: 1000 },
    2,
    '10.0.0.2 advertises every 2s, this node every 1s: its adverts are refused; give both the same advertisementInterval',
  ],
  [
    { type: 'IntervalMismatch', source, heard: 100, configured: 200 },
    3,
    '10.0.0.2 advertises every 100ms, this node every 200ms: it is followed while it is MASTER; give both the same advertisementInterval',
  ],
  [
    { type: 'AddressListMismatch', source, heard: addresses },
    3,
    '10.0.0.2 advertises other addresses than this node: 10.0.0.100, 10.0.0.101; give both the same addresses',
  ],
  [
    { type: 'VersionMismatch', source, heard: 2 },
    3,
    '10.0.0.2 speaks VRRP version 2, this node version 3: neither believes the other; give both the same version',
  ],
  [
    { type: 'OwnAddressHeard', source },
    3,
    "an advert came from 10.0.0.2, which is this node's own address: another node has it too, or the segment has a loop",
  ],
  [{ type: 'LosingAdvertisement', source, priority: 100 }, 3, undefined],
  [{ type: 'PriorityZeroReceived', source }, 3, undefined],
]

for (const [observation, version, sentence] of SENTENCES) {
  test(`${observation.type} of version ${version} is ${sentence ? `told: ${sentence}` : 'the protocol at work'}`, () => {
    assert.equal(oddAdvert(observation, { version }), sentence)
  })
}

test('who advertises one of our addresses with another VRID is told of, and who has others is not', () => {
  const advertisement: Advertisement = { version: 3, virtualRouterID: 52, priority: 90, interval: 200, addresses }
  const config = (...own: string[]): VirtualRouterConfig => ({
    family: 'IPv4',
    version: 3,
    virtualRouterID: 51,
    priority: 100,
    advertisementInterval: 200,
    addresses: own.map(ipAddress),
    preemption: { mode: 'Never' },
    primaryAddress: ipAddress('10.0.0.1'),
  })
  assert.equal(
    sameAddressOtherRouter(advertisement, source, config('10.0.0.101')),
    '10.0.0.2 advertises 10.0.0.101 too, with VRID 52 where this node has 51: give both the same virtualRouterID',
  )
  assert.equal(sameAddressOtherRouter(advertisement, source, config('10.0.0.102')), undefined)
})
