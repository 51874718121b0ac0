import assert from 'node:assert/strict'
import { activeDownInterval, skewTime } from '../../src/vrrp/timers.ts'
import type { VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { simplePassword } from '../../src/wire/simple-password.ts'
import { withChecksum } from '../wire/with-checksum.ts'
import { GREATER, LOWER, OneRouter } from './one-router.ts'
import type { Document, NamedTest } from './requirement.ts'

/** Priority 200, VRID 51, 1 s, 10.0.0.100; its checksum is made right. */
const PLAIN = '2133c801 0001 0000 0a000064 0000000000000000'
const INTEROP = 'test/netns/interop.test.ts'
const interop = (...tests: string[]): NamedTest[] => tests.map(test => ({ file: INTEROP, test }))

/** The cases of the test suite, revision 2.5, by their numbers and names; what they do is told in our words. All are of version 2. */
export const UNH_IOL: Document = {
  name: 'UNH-IOL',
  url: 'https://www.iol.unh.edu',
  requirements: [
    {
      section: 'VRRP.1.1',
      level: 'case',
      says: 'Basic VRRP Interoperability: two makers’ routers, one is Master, the other takes over when it is gone',
      shownIn: interop(
        'it takes over when our MASTER crashes, and yields when we come back',
        'we take over when its MASTER crashes, and yield when it comes back',
      ),
    },
    {
      section: 'VRRP.1.2',
      level: 'case',
      says: 'Advanced VRRP Interoperability: several virtual routers, some Master here and some there',
      shownIn: [
        {
          file: 'test/netns/agent-addresses.test.ts',
          test: 'without priorities are spread over the nodes of the file: one MASTER here, one there, each the other’s BACKUP',
        },
        ...interop('it takes over when our MASTER leaves, sooner than it could notice a silence'),
      ],
    },
    {
      section: 'VRRP.2.1',
      level: 'case',
      says: 'The Initialize State: the owner is Master at once, others are Backup first',
      shows() {
        const owner = routerOf({ priority: 255 }).start()
        assert.deepEqual([owner.state.name, ...owner.said], ['Active', '0 advert 255', '0 announce'])
        const other = routerOf().start()
        assert.deepEqual([other.state.name, ...other.said], ['Backup'])
      },
    },
    {
      section: 'VRRP.2.2',
      level: 'case',
      says: 'Packet Reception in the Backup State: no answer to ARP, nothing accepted for the addresses',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses',
        },
      ],
    },
    {
      section: 'VRRP.2.3',
      level: 'case',
      says: 'Master Down in the Backup State: it advertises, announces, and advertises from then on',
      shows() {
        const router = routerOf().start().runTo(2000)
        router.hear(200)
        assert.deepEqual(router.runTo(6700).said, ['5609.375 advert 100', '5609.375 announce', '6609.375 advert 100'])
      },
    },
    {
      section: 'VRRP.2.4',
      level: 'case',
      says: 'Advertisement Reception in the Backup State: Priority 0, a higher, an equal and a lower one',
      shows() {
        for (const [priority, takesOverAt] of [
          [0, 1609.375],
          [200, 4609.375],
          [100, 4609.375],
          [50, 3609.375],
        ] as const) {
          const router = routerOf().start().runTo(1000)
          router.hear(priority)
          assertTakesOverAt(router, takesOverAt)
        }
      },
    },
    {
      section: 'VRRP.2.5',
      level: 'case',
      says: 'Packet Reception in the Master State: it answers ARP; packets to the addresses, and to the virtual MAC',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'a MASTER joins the solicited-node group and answers for the addresses; R says whether its node forwards',
        },
      ],
      departs:
        'it answers with the link’s own MAC, for there is no virtual one yet; and it accepts packets to the addresses, where only an owner should',
    },
    {
      section: 'VRRP.2.6',
      level: 'case',
      says: 'Shutdown Event in the Master State: Priority 0, and silence',
      shows() {
        const router = routerOf().active()
        const before = router.said.length
        assert.deepEqual(router.shutDown().runTo(60_000).saidSince(before), ['5000 advert 0'])
        assert.ok(!router.holds)
      },
      departs: 'with `--handover 0s`; else the addresses stay for the milliseconds until the successor has announced',
    },
    {
      section: 'VRRP.2.7',
      level: 'case',
      says: 'Advertisement Reception in the Master State: Priority 0, a higher and a lower one, and ties',
      shows() {
        for (const [priority, source, state, said] of [
          [0, GREATER, 'Active', ['5000 advert 100']],
          [200, LOWER, 'Backup', []],
          [50, GREATER, 'Active', ['5000 advert 100', '5000 announce']],
          [100, GREATER, 'Backup', []],
          [100, LOWER, 'Active', ['5000 advert 100', '5000 announce']],
        ] as const) {
          const router = routerOf().active()
          const before = router.said.length
          router.hear(priority, {}, source)
          assert.deepEqual([router.state.name, ...router.saidSince(before)], [state, ...said])
        }
      },
      departs: 'a losing advert is answered, which version 2 does not ask for',
    },
    {
      section: 'VRRP.3.1',
      level: 'case',
      says: 'Advertisement_Interval: a Master advertises once in it, 1 s unless configured',
      shows() {
        const router = routerOf({ advertisementInterval: 3000 }).active(20_000)
        const [first = '', , ...rest] = router.said
        const times = [first, ...rest].map(text => Number(text.split(' ')[0]))
        assert.deepEqual(times, [9609.375, 12_609.375, 15_609.375, 18_609.375])
      },
    },
    {
      section: 'VRRP.3.2',
      level: 'case',
      says: 'Skew_Time: by the priority alone',
      shows() {
        for (const [priority, skew] of [
          [1, 996.09375],
          [100, 609.375],
          [254, 7.8125],
        ] as const) {
          assert.equal(skewTime(2, priority, 1000), skew)
          const router = routerOf({ priority }).start().runTo(1000)
          router.hear(0)
          assertTakesOverAt(router, 1000 + skew)
        }
      },
    },
    {
      section: 'VRRP.3.3',
      level: 'case',
      says: 'Master_Down_Interval: three intervals and Skew_Time after the last advert',
      shows() {
        const router = routerOf({ advertisementInterval: 2000 }).start()
        for (let at = 1000; at <= 21_000; at += 2000) router.runTo(at).hear(200)
        assertTakesOverAt(router, 21_000 + activeDownInterval(2, 100, 2000))
      },
    },
    {
      section: 'VRRP.3.4',
      level: 'case',
      says: 'Preempt_Mode: a higher priority takes over where it is True, never where it is False',
      shows() {
        for (const [mode, state] of [
          ['Always', 'Active'],
          ['Never', 'Backup'],
        ] as const) {
          const preemption = mode === 'Never' ? { mode } : { mode, delay: 0 }
          const router = routerOf({ preemption }).start()
          for (let at = 500; at <= 10_500; at += 1000) router.runTo(at).hear(99)
          assert.equal(router.state.name, state)
        }
      },
    },
    refusal(
      'VRRP.4.1',
      'Reception of Invalid TTL field',
      router => router.hearBytes(withChecksum(PLAIN), { ttl: 254 }),
      'TTL',
    ),
    refusal(
      'VRRP.4.2',
      'Reception of Invalid Version field',
      router => router.hearBytes(withChecksum('1133c801 0001 0000 0a000064 0000000000000000')),
      'Version',
    ),
    refusal(
      'VRRP.4.3',
      'Reception of Invalid Complete VRRP Packet length',
      router => router.hearBytes(withChecksum('2133c802 0001 0000 0a000064 0000000000000000')),
      'Length',
    ),
    refusal(
      'VRRP.4.4',
      'Reception of Invalid checksum field',
      router => router.hearBytes(withChecksum(PLAIN).with(6, 0)),
      'Checksum',
    ),
    refusal(
      'VRRP.4.5',
      'Reception of Invalid VRID field',
      router => router.hear(200, { virtualRouterID: 52 }),
      'nobody’s',
    ),
    refusal(
      'VRRP.4.6',
      'Reception of Invalid Auth Type Information',
      router => router.hear(200, { authentication: { type: 'PASS', password: simplePassword('secret') } }),
      'AuthenticationType',
    ),
    refusal(
      'VRRP.4.7',
      'Reception of Invalid Adver Interval Information',
      router => router.hear(200, { interval: 2000 }),
      'heard',
    ),
    refusal(
      'VRRP.4.8',
      'Reception of Invalid Unknown Type Field',
      router => router.hearBytes(withChecksum('2533c801 0001 0000 0a000064 0000000000000000')),
      'Type',
    ),
    {
      section: 'VRRP.4.9',
      level: 'case',
      says: 'Proper Transmission of VRRP packets: every field of frame, IP header and message',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'of version 2, each field of an advert, its IP header and its frame',
        },
      ],
      departs: 'the source MAC is the link’s own, for there is no virtual one yet',
    },
  ],
}

/** It takes over as if nobody had spoken, though somebody does all the time. `fate`: `heard`, where it is the router that discards it. */
function refusal(section: string, name: string, speak: (router: OneRouter) => string, fate: string) {
  const shows = () => {
    const router = routerOf().start()
    for (const at of [500, 1500, 2500]) assert.equal(speak(router.runTo(at)), fate)
    assertTakesOverAt(router, 3609.375)
  }
  return { section, level: 'case', says: `${name}: it is discarded`, shows } as const
}

function routerOf(more: Partial<VirtualRouterConfig> = {}): OneRouter {
  return new OneRouter({ version: 2, ...more })
}

/** Backup until then, and then Active. */
function assertTakesOverAt(router: OneRouter, at: number): void {
  assert.equal(router.runTo(at - 0.001).state.name, 'Backup')
  assert.equal(router.runTo(at).state.name, 'Active')
}
