import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { gratuitousArp } from '../../src/wire/arp.ts'
import { unsolicitedNeighborAdvertisement } from '../../src/wire/neighbor-advertisement.ts'
import { overheardIn } from './overheard.ts'
import { question } from './questions.ts'

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1)

test('announcements and adverts are overheard, with the MAC of who says so; questions are not', () => {
  const advert = [0x31, 51, 200, 1, 0, 20, 0, 0]
  const ipv4 = [0x45, ...Array(8).fill(0), 112, ...Array(10).fill(0)]
  const ipv6 = [0x60, 0, 0, 0, 0, 0, 112, 255, ...Array(32).fill(0)]
  const ethernet = (high: number, low: number) => [1, 0, 0x5e, 0, 0, 18, ...MAC, high, low]
  const frames = [
    gratuitousArp(ipAddress('10.1.0.100'), MAC),
    unsolicitedNeighborAdvertisement(ipAddress('fd01::100'), MAC, true),
    Uint8Array.from([...ethernet(0x08, 0), ...ipv4, ...advert]),
    Uint8Array.from([...ethernet(0x86, 0xdd), ...ipv6, ...advert]),
    ...['10.1.0.100', 'fd01::100'].map(address => question(address, { mac: MAC, own4: '10.1.0.8', own6: 'fe80::8' })),
  ]
  assert.deepEqual(frames.map(overheardIn), [
    'announcement 10.1.0.100 02:00:00:00:00:01',
    'announcement fd01::100 02:00:00:00:00:01',
    'advert IPv4 51 200 02:00:00:00:00:01',
    'advert IPv6 51 200 02:00:00:00:00:01',
    undefined,
    undefined,
  ])
})
