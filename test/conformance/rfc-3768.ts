import assert from 'node:assert/strict'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { activeDownInterval, skewTime } from '../../src/vrrp/timers.ts'
import type { VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { simplePassword } from '../../src/wire/simple-password.ts'
import { withChecksum } from '../wire/with-checksum.ts'
import { advertBytes, GREATER, LOWER, OneRouter, VIP } from './one-router.ts'
import type { Document } from './requirement.ts'

/** Priority 200, VRID 51, 1 s, one address; its checksum is made right. */
const PLAIN = '2133c801 0001 0000 0a000064 0000000000000000'
const SECRET = { type: 'PASS', password: simplePassword('secret') } as const
const VERSION_2 = { version: 2 } as const

export const RFC_3768: Document = {
  name: 'RFC 3768',
  url: 'https://www.rfc-editor.org/rfc/rfc3768',
  requirements: [
    {
      section: '5.2.2',
      level: 'MUST NOT',
      says: 'a packet to 224.0.0.18 is forwarded, whatever its TTL',
      notOurs: 'the kernel forwards no link-local multicast, and kube-vrrp forwards nothing',
    },
    {
      section: '5.2.3',
      level: 'MUST',
      says: 'adverts have a TTL of 255',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'of version 2, each field of an advert, its IP header and its frame',
        },
      ],
    },
    {
      section: '5.2.3',
      level: 'MUST',
      says: 'a packet whose TTL is not 255 is discarded',
      shows: () => assertDiscarded(router => router.hearBytes(withChecksum(PLAIN), { ttl: 254 }), 'TTL'),
    },
    {
      section: '5.3.2',
      level: 'MUST',
      says: 'a packet of an unknown type is discarded',
      shows: () =>
        assertDiscarded(
          router => router.hearBytes(withChecksum('2233c801 0001 0000 0a000064 0000000000000000')),
          'Type',
        ),
    },
    {
      section: '5.3.4',
      level: 'MUST',
      says: 'who owns the addresses has priority 255, others 1 to 254; 0 says that a Master leaves',
      shows() {
        assert.deepEqual(routerOf({ priority: 255 }).start().said, ['0 advert 255', '0 announce'])
        assert.deepEqual(routerOf().active(4000).shutDown().said.at(-1), '4000 advert 0')
        for (const priority of [-1, 256]) assert.throws(() => advertBytes(plain({ priority })), RangeError)
      },
    },
    {
      section: '5.3.6',
      level: 'MUST',
      says: 'a packet of an unknown authentication type is discarded',
      shows: () =>
        assertDiscarded(
          router => router.hearBytes(withChecksum('2133c801 0301 0000 0a000064 0000000000000000')),
          'AuthenticationType',
        ),
    },
    {
      section: '5.3.6',
      level: 'MUST',
      says: 'a packet whose authentication type is not the configured one is discarded',
      shows() {
        assertDiscarded(router => router.hear(200, { authentication: SECRET }), 'AuthenticationType')
        const router = new OneRouter(VERSION_2, SECRET).start()
        assert.equal(router.hearBytes(withChecksum(PLAIN)), 'AuthenticationType')
        assert.equal(router.hear(200), 'heard')
      },
    },
    {
      section: '5.3.7',
      level: 'MUST',
      says: 'Adver Int is told in whole seconds, 1 unless configured',
      shows() {
        assert.equal(advertBytes(plain({}))[5], 1)
        assert.equal(advertBytes(plain({ interval: 255_000 }))[5], 255)
        for (const interval of [200, 1500, 256_000]) assert.throws(() => advertBytes(plain({ interval })), RangeError)
      },
    },
    {
      section: '5.3.8',
      level: 'MUST',
      says: 'the checksum covers the message alone, from the version to the authentication data',
      shows() {
        assert.deepEqual(advertBytes(plain({})), withChecksum(PLAIN))
        const authenticated = '2133c801 0101 0000 0a000064 7365637265740000'
        assert.deepEqual(advertBytes(plain({ authentication: SECRET })), withChecksum(authenticated))
      },
    },
    {
      section: '5.3.10',
      level: 'SHOULD',
      says: 'without authentication its 8 bytes are sent as zeros, and ignored when they come',
      shows() {
        assert.deepEqual(advertBytes(plain({})).subarray(12), new Uint8Array(8))
        const message = withChecksum('2133c801 0001 0000 0a000064 0011223344556677')
        assert.equal(routerOf().start().hearBytes(message), 'heard')
      },
    },
    {
      section: '6.1',
      level: 'MUST',
      says: 'Skew_Time is (256 − Priority) / 256 s whatever the interval, Master_Down_Interval three intervals more',
      shows() {
        for (const [priority, interval] of [
          [100, 1000],
          [254, 255_000],
        ] as const) {
          const skew = ((256 - priority) * 1000) / 256
          assert.equal(skewTime(2, priority, interval), skew)
          assert.equal(activeDownInterval(2, priority, interval), 3 * interval + skew)
        }
      },
    },
    {
      section: '6.4.1',
      level: 'MUST',
      says: 'on Startup, priority 255 advertises, announces and is Master',
      shows() {
        const router = routerOf({ priority: 255 }).start()
        assert.deepEqual([router.state.name, ...router.said], ['Active', '0 advert 255', '0 announce'])
      },
    },
    {
      section: '6.4.1',
      level: 'MUST',
      says: 'on Startup, any other priority is Backup for Master_Down_Interval',
      shows: () => assertTakesOverAt(routerOf().start(), 3609.375),
      departs:
        'but for a VRID that the controller has just allocated, where there can be no Master: the first node is Master at once',
    },
    {
      section: '6.4.2',
      level: 'MUST NOT',
      says: 'a Backup answers ARP requests for the addresses, or accepts packets to them',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses',
        },
      ],
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup discards what is sent to the virtual MAC',
      notOurs: 'there is no virtual MAC yet, so the link does not take such frames in',
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup that shuts down is in Initialize, and says nothing',
      shows() {
        const router = routerOf().start().runTo(1000).shutDown().runTo(60_000)
        assert.deepEqual([router.state.name, ...router.said], ['Initialize'])
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'when Master_Down_Timer fires a Backup advertises, announces and is Master',
      shows() {
        const router = routerOf().start().runTo(4609.375)
        assert.deepEqual(router.said, ['3609.375 advert 100', '3609.375 announce', '4609.375 advert 100'])
      },
      departs: 'the addresses are bound first, and announced more than once',
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'on Priority 0 a Backup waits Skew_Time',
      shows() {
        const router = routerOf().start().runTo(1000)
        router.hear(0)
        assertTakesOverAt(router, 1609.375)
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup follows its own or a higher priority, and with Preempt_Mode False any, for Master_Down_Interval',
      shows() {
        for (const [priority, mode] of [
          [100, 'Always'],
          [255, 'Always'],
          [1, 'Never'],
        ] as const) {
          const preemption = mode === 'Never' ? { mode } : { mode, delay: 0 }
          const router = routerOf({ preemption }).start().runTo(1000)
          router.hear(priority)
          assertTakesOverAt(router, 4609.375)
        }
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'with Preempt_Mode True a Backup discards an advert of a lower priority',
      shows() {
        const router = routerOf().start().runTo(1000)
        router.hear(99)
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'a Master that shuts down advertises Priority 0 and is in Initialize',
      shows() {
        const router = routerOf().active().shutDown()
        assert.deepEqual([router.state.name, router.said.at(-1)], ['Initialize', '5000 advert 0'])
      },
      departs: 'with `--handover 0s`; else it answers on until its successor has announced',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'when Adver_Timer fires a Master advertises and sets it anew',
      shows() {
        const router = routerOf().active(6700)
        assert.deepEqual(router.saidSince(2), ['4609.375 advert 100', '5609.375 advert 100', '6609.375 advert 100'])
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'a Master answers ARP requests for the addresses, and accepts packets to them where it is the owner',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses',
        },
      ],
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'on Priority 0 a Master advertises at once and sets Adver_Timer anew',
      shows() {
        const router = routerOf().active()
        const before = router.said.length
        router.hear(0)
        assert.deepEqual(router.runTo(6000).saidSince(before), ['5000 advert 100', '6000 advert 100'])
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'a Master that hears a higher priority, or its own from a greater address, is Backup for Master_Down_Interval',
      shows() {
        for (const priority of [101, 100]) {
          const router = routerOf().active()
          router.hear(priority, {}, GREATER)
          assertTakesOverAt(router, 8609.375)
        }
      },
      departs: 'with `--handover 0s`; else it answers for up to 50 ms more',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'a Master discards a losing advert',
      shows() {
        const router = routerOf().active()
        const before = router.said.length
        router.hear(100, {}, LOWER)
        assert.equal(router.state.name, 'Active')
        assert.deepEqual(router.saidSince(before), ['5000 advert 100', '5000 announce'])
      },
      departs:
        'it is answered as in RFC 9568, once in an interval: keepalived does so in version 2 too, and hosts that were misled are told',
    },
    {
      section: '6.4.3',
      level: 'MUST NOT',
      says: 'a Master that does not own the addresses accepts packets to them',
      departs: 'the addresses are bound to the link, for the services on the node (Accept_Mode of RFC 9568 is True)',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'a Master forwards what is sent to the virtual MAC',
      departs: 'there is no virtual MAC yet; what is sent to the link’s own is forwarded where the node forwards',
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet whose version is not 2 is discarded',
      shows: () => assertDiscarded(router => router.hear(200, { version: 3 }), 'heard'),
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet without the whole message, authentication data included, is discarded',
      shows() {
        const message = withChecksum(PLAIN)
        for (let length = 0; length < message.length; length++)
          assertDiscarded(router => router.hearBytes(message.subarray(0, length)), 'Length')
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet whose checksum is wrong is discarded',
      shows() {
        const message = withChecksum(PLAIN)
        message[6] = (message[6] ?? 0) ^ 1
        assertDiscarded(router => router.hearBytes(message), 'Checksum')
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet of a VRID that is not configured on the link is discarded',
      shows: () => assertDiscarded(router => router.hear(200, { virtualRouterID: 52 }), 'nobody’s'),
    },
    {
      section: '7.1',
      level: 'SHOULD',
      says: 'what fails these checks is logged',
      shownIn: [{ file: 'test/netns/agent-metrics.test.ts', test: 'counts the adverts that it refuses' }],
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'who owns the addresses discards adverts of others',
      shows() {
        const router = routerOf({ priority: 255 }).active(500)
        router.hear(254)
        assert.equal(router.state.name, 'Active')
        router.hear(255, {}, GREATER)
        assert.equal(router.state.name, 'Backup')
      },
      departs:
        'of two owners the greater address wins, as RFC 9568’s erratum 8298 has it: discarding would leave one address on two nodes',
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'authentication is performed: another password is discarded (RFC 2338)',
      shows() {
        const router = new OneRouter(VERSION_2, SECRET).start()
        const other = { type: 'PASS', password: simplePassword('other') } as const
        assert.equal(router.hear(200, { authentication: other }), 'Authentication')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'an advert of another interval is discarded, and logged',
      shows() {
        const router = routerOf().start()
        router.hear(200, { interval: 2000 })
        assert.equal(router.noted.at(-1)?.type, 'IntervalMismatch')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'where address lists are compared, an advert of others is dropped unless its sender is the owner',
      shows() {
        const router = routerOf().start()
        router.hear(200, { addresses: [ipAddress('10.0.0.101')] })
        assert.equal(router.noted.at(-1)?.type, 'AddressListMismatch')
        assertTakesOverAt(router, 3609.375)
      },
      departs:
        'it is told of and counts, as in RFC 9568: routers are reconfigured one after the other, and dropping it makes two Masters of every such change',
    },
    {
      section: '7.2',
      level: 'MUST',
      says: 'an advert’s fields are those of the configuration, its source the primary address of the link, its protocol 112, its destination 224.0.0.18',
      shownIn: [
        {
          file: 'test/netns/agent-conformance.test.ts',
          test: 'of version 2, each field of an advert, its IP header and its frame',
        },
      ],
    },
    {
      section: '7.2',
      level: 'MUST',
      says: 'an advert’s source MAC is the virtual MAC',
      departs: 'there is no virtual MAC yet: frames come from the link’s own',
    },
    {
      section: '8.2',
      level: 'MUST',
      says: 'ARP requests for the addresses are answered with the virtual MAC, never with the link’s own',
      departs: 'there is no virtual MAC yet: a gratuitous ARP moves hosts',
    },
    {
      section: '8.1',
      level: 'MUST',
      says: 'ICMP redirects come from the address that the host used',
      notOurs: 'the kernel sends them, where the node routes',
    },
    {
      section: '8.2',
      level: 'SHOULD NOT',
      says: 'a router that restarts sends ARP messages with its own MAC for addresses that it owns',
      departs: 'there is no virtual MAC yet',
    },
    {
      section: '8.2',
      level: 'SHOULD',
      says: 'each address is announced by a gratuitous ARP when it is configured, and not before',
      shownIn: [
        {
          file: 'test/netns/agent-reload.test.ts',
          test: 'to one with another address: it is held and announced, and MASTER stays MASTER',
        },
      ],
    },
    {
      section: '8.3',
      level: 'MUST',
      says: 'Proxy ARP answers with the virtual MAC',
      notOurs: 'kube-vrrp does no Proxy ARP',
    },
    {
      section: '8.4',
      level: 'SHOULD NOT',
      says: 'a Master that is not the owner forwards packets to the addresses',
      notOurs: 'the addresses are its own while it is Master, so the kernel takes such packets in',
    },
    {
      section: '9',
      level: 'MUST',
      says: 'token ring’s functional addresses, FDDI’s and ATM’s rules',
      notOurs: 'links are Ethernet, as the kernel shows them',
    },
  ],
}

type Plain = Parameters<typeof advertBytes>[0]

function plain(more: Partial<Plain>): Plain {
  return { version: 2, virtualRouterID: 51, priority: 200, interval: 1000, addresses: [VIP], ...more }
}

function routerOf(more: Partial<VirtualRouterConfig> = {}): OneRouter {
  return new OneRouter({ ...VERSION_2, ...more })
}

/** It takes over as if nobody had spoken, though somebody does all the time. */
function assertDiscarded(speak: (router: OneRouter) => string, fate: string): void {
  const router = routerOf().start()
  for (const at of [500, 1500, 2500]) assert.equal(speak(router.runTo(at)), fate)
  assertTakesOverAt(router, 3609.375)
}

/** Backup until then, and then Active. */
function assertTakesOverAt(router: OneRouter, at: number): void {
  assert.equal(router.runTo(at - 0.001).state.name, 'Backup')
  assert.equal(router.runTo(at).state.name, 'Active')
}
