import assert from 'node:assert/strict'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { effectivePriority } from '../../src/vrrp/priority.ts'
import { activeDownInterval, skewTime } from '../../src/vrrp/timers.ts'
import { gratuitousArp } from '../../src/wire/arp.ts'
import { checksumForm, decodeAdvertisement, encodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'
import { bytes } from '../vectors/read-vectors.ts'
import { sealed, withChecksum } from '../wire/with-checksum.ts'
import { advertBytes, GREATER, isRefused, LOWER, OneRouter, VIP } from './one-router.ts'
import type { Document, NamedTest } from './requirement.ts'

const ON_THE_WIRE = 'test/netns/agent-conformance.test.ts'
const wire = (test: string): NamedTest[] => [{ file: ON_THE_WIRE, test }]
const VIRTUAL_MAC =
  'there is no virtual MAC yet: frames come from the link’s own, which hypervisors and switches accept, and a gratuitous ARP or Neighbor Advertisement moves hosts'
const NO_ROUTER_ADVERTISEMENTS = 'kube-vrrp keeps an address for hosts, it is no IPv6 router’s control plane'

/** Priority 200, VRID 51, one address; its checksum is made right. */
const PLAIN = '3133c801 0064 0000 0a000064'
const IPV6_VIP = ipAddress('fe80::100')
const IPV6_SOURCE = ipAddress('fe80::10')
const IPV6_PATH = { source: IPV6_SOURCE, destination: VRRP_GROUP.IPv6 }

/** With its verified errata: https://www.rfc-editor.org/errata/rfc9568. */
export const RFC_9568: Document = {
  name: 'RFC 9568',
  url: 'https://www.rfc-editor.org/rfc/rfc9568',
  requirements: [
    {
      section: '2.5',
      level: 'SHOULD',
      says: 'a router that goes to and fro because its interval is short is logged',
      shownIn: [
        {
          file: 'test/netns/agent-metrics.test.ts',
          test: 'counts its transitions by reason, its adverts and addresses, and says when it became MASTER',
        },
      ],
    },
    {
      section: '5.1.1.2',
      level: 'MUST',
      says: 'over IPv4, adverts go to 224.0.0.18',
      shownIn: wire('over IPv4, each field of an advert, its IP header and its frame'),
    },
    {
      section: '5.1.1.2',
      level: 'MUST NOT',
      says: 'a packet to 224.0.0.18 is forwarded, whatever its TTL',
      notOurs: 'the kernel forwards no link-local multicast, and kube-vrrp forwards nothing',
    },
    {
      section: '5.1.1.3',
      level: 'MUST',
      says: 'over IPv4, adverts have a TTL of 255',
      shownIn: wire('over IPv4, each field of an advert, its IP header and its frame'),
    },
    {
      section: '5.1.1.3',
      level: 'MUST',
      says: 'a packet whose TTL is not 255 is discarded',
      shows() {
        for (const ttl of [254, 64, 1, 0]) {
          const router = new OneRouter().start()
          assert.equal(router.hearBytes(withChecksum(PLAIN), { ttl }), 'TTL')
          assertTakesOverAt(router, 3609.375)
        }
      },
    },
    {
      section: '5.1.2.1',
      level: 'MUST',
      says: 'over IPv6, adverts come from a link-local address of the link',
      shownIn: wire('over IPv6, each field of an advert, its IP header and its frame'),
    },
    {
      section: '5.1.2.2',
      level: 'MUST NOT',
      says: 'a packet to ff02::12 is forwarded, whatever its Hop Limit',
      notOurs: 'the kernel forwards no link-local multicast, and kube-vrrp forwards nothing',
    },
    {
      section: '5.1.2.3',
      level: 'MUST',
      says: 'over IPv6, adverts have a Hop Limit of 255',
      shownIn: wire('over IPv6, each field of an advert, its IP header and its frame'),
    },
    {
      section: '5.1.2.3',
      level: 'MUST',
      says: 'a packet whose Hop Limit is not 255 is discarded',
      shownIn: [{ file: 'test/netns/linux-vrrp-socket.test.ts', test: 'a packet with TTL ' }],
    },
    {
      section: '5.2.2',
      level: 'MUST',
      says: 'a packet of an unknown type is discarded',
      shows() {
        for (const type of [0, 2, 3, 15]) {
          const router = new OneRouter().start()
          assert.equal(router.hearBytes(sealed(Uint8Array.of(0x30 | type, ...bytes(PLAIN).subarray(1)))), 'Type')
          assertTakesOverAt(router, 3609.375)
        }
      },
    },
    {
      section: '5.2.3',
      level: 'MUST',
      says: 'a VRID is 1 to 255',
      shows() {
        for (const virtualRouterID of [1, 255]) {
          const router = new OneRouter({ virtualRouterID }).start()
          assert.equal(router.hear(200), 'heard')
        }
        assert.equal(new OneRouter().start().hearBytes(withChecksum('3100c801 0064 0000 0a000064')), 'VirtualRouterID')
        assert.throws(() => advertBytes(plain({ virtualRouterID: 0 })), RangeError)
        assert.throws(() => advertBytes(plain({ virtualRouterID: 256 })), RangeError)
      },
    },
    {
      section: '5.2.4',
      level: 'MUST',
      says: 'who owns the addresses has priority 255, and checks do not change it',
      shows() {
        assert.equal(effectivePriority(255, [{ weight: -100, passing: false }]), 255)
        assert.deepEqual(new OneRouter({ priority: 255 }).start().said, ['0 advert 255', '0 announce'])
      },
    },
    {
      section: '5.2.4',
      level: 'MUST',
      says: 'who does not own them has a priority of 1 to 254, whatever checks take or give',
      shows() {
        assert.equal(effectivePriority(100, [{ weight: -253, passing: false }]), 1)
        assert.equal(effectivePriority(254, [{ weight: 253, passing: true }]), 254)
      },
    },
    {
      section: '5.2.4',
      level: 'default',
      says: 'a Backup has priority 100',
      shownIn: [
        {
          file: 'test/netns/agent-addresses.test.ts',
          test: 'without priorities are spread over the nodes of the file: one MASTER here, one there, each the other’s BACKUP',
        },
      ],
      departs: 'the plan gives each node a priority of its own (250, 238, …), so that no two are equal',
    },
    {
      section: '5.2.5',
      level: 'MUST',
      says: 'an advert without addresses is ignored',
      shows() {
        const router = new OneRouter().start()
        assert.equal(router.hearBytes(withChecksum('3133c800 0064 0000')), 'AddressCount')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '5.2.6',
      level: 'MUST',
      says: 'the Reserve bits are sent as zeros, and ignored when they come',
      shows() {
        for (const interval of [10, 40_950]) assert.equal((advertBytes(plain({ interval }))[4] ?? 0xff) & 0xf0, 0)
        const router = new OneRouter().start()
        assert.equal(router.hearBytes(withChecksum('3133c801 f064 0000 0a000064')), 'heard')
        assert.equal(router.state.name === 'Backup' && router.state.activeInterval, 1000)
      },
    },
    {
      section: '5.2.7',
      level: 'MUST',
      says: 'the interval is told in 12 bits of centiseconds',
      shows() {
        for (const [interval, field] of [
          [10, 1],
          [1000, 100],
          [40_950, 4095],
        ] as const) {
          const message = advertBytes(plain({ interval }))
          assert.equal(((message[4] ?? 0) << 8) | (message[5] ?? 0), field)
        }
      },
    },
    {
      section: '5.2.8',
      level: 'MUST',
      says: 'over IPv4 the checksum covers the message alone',
      shows() {
        const message = advertBytes(plain({}))
        assert.deepEqual(message, withChecksum(PLAIN), 'by the letter')
        const path = { source: GREATER, destination: VRRP_GROUP.IPv4 }
        assert.equal(checksumForm(message, path), 'RFC9568')
        const usual = encodeAdvertisement(plain({}), { ...path, checksum: 'PseudoHeader' })
        assert.equal(checksumForm(usual, path), 'PseudoHeader')
        const router = new OneRouter().start()
        assert.deepEqual([router.hearBytes(message), router.hearBytes(usual)], ['heard', 'heard'], 'both are accepted')
      },
      departs:
        'with `spec.checksum: RFC9568`; by default a pseudo-header is covered too, as keepalived and FRR send it, who refuse the other',
    },
    {
      section: '5.2.8',
      level: 'MUST',
      says: 'over IPv6 the checksum covers a pseudo-header with Next Header 112',
      shows() {
        // One 16-bit word each: the message, source, destination, length 24, Next Header 112; summed by hand.
        const message = encodeAdvertisement(plain({ addresses: [IPV6_VIP] }), { ...IPV6_PATH, checksum: 'RFC9568' })
        const words = [0x3133, 0xc801, 0x0064, 0xfe80, 0x0100, 0xfe80, 0x0010, 0xff02, 0x0012, 24, 112]
        const sum = words.reduce((total, word) => total + word, 0)
        const folded = (sum & 0xffff) + (sum >> 16)
        assert.equal(((message[6] ?? 0) << 8) | (message[7] ?? 0), ~((folded & 0xffff) + (folded >> 16)) & 0xffff)
        const other = { source: IPV6_SOURCE, destination: ipAddress('ff02::13') }
        assert.ok(isRefused(decodeAdvertisement(message, other), 'Checksum'))
      },
    },
    {
      section: '5.2.9',
      level: 'MUST',
      says: 'the addresses are of the family that carries the packet',
      shows() {
        assert.throws(() => advertBytes(plain({ addresses: [IPV6_VIP] })), RangeError)
        assert.throws(() => advertBytes(plain({}), IPV6_SOURCE), RangeError)
      },
    },
    {
      section: '5.2.9',
      level: 'MUST',
      says: 'the first IPv6 address is the link-local one of the virtual router',
      shows() {
        const list = [IPV6_VIP, ipAddress('fd01::100')]
        const message = advertBytes(plain({ addresses: list }), IPV6_SOURCE)
        assert.deepEqual(message.subarray(8, 24), IPV6_VIP.bytes, 'where the list begins with it')
        const without = advertBytes(plain({ addresses: [ipAddress('fd01::100')] }), IPV6_SOURCE)
        const decoded = decodeAdvertisement(without, IPV6_PATH)
        assert.ok('addresses' in decoded, 'none is added, and none is missed (erratum 8300)')
      },
      departs:
        'the addresses are those of `spec.addresses`, in that order: keepalived drops adverts whose number of addresses differs from its own',
    },
    {
      section: '5.2.9',
      level: 'SHOULD',
      says: 'the addresses are listed in the order in which they were configured',
      shows() {
        const addresses = ['10.0.0.103', '10.0.0.101', '10.0.0.102'].map(ipAddress)
        const decoded = decodeAdvertisement(advertBytes(plain({ addresses })), {
          source: GREATER,
          destination: VRRP_GROUP.IPv4,
        })
        assert.deepEqual('addresses' in decoded && decoded.addresses.map(({ text }) => text), [
          '10.0.0.103',
          '10.0.0.101',
          '10.0.0.102',
        ])
      },
    },
    {
      section: '6.1',
      level: 'MUST',
      says: 'Advertisement_Interval is 1 to 4095 centiseconds (erratum 8301)',
      shows() {
        for (const interval of [0, 40_960]) assert.throws(() => advertBytes(plain({ interval })), RangeError)
        for (const interval of [10, 40_950]) assert.equal(new OneRouter().start().hear(200, { interval }), 'heard')
      },
    },
    {
      section: '6.1',
      level: 'default',
      says: 'Advertisement_Interval is 1 s',
      departs:
        '200 ms (`spec.advertisementInterval: 1s`: the RFC’s), so that a crash costs 0.8 s instead of 3.6 s; 1 s in version 2',
    },
    {
      section: '6.1',
      level: 'MUST',
      says: 'Skew_Time is (256 − Priority) × Active_Adver_Interval / 256, Active_Down_Interval three intervals more',
      shows() {
        for (const [priority, interval] of [
          [100, 1000],
          [254, 10],
          [1, 40_950],
        ] as const) {
          const skew = ((256 - priority) * interval) / 256
          assert.equal(skewTime(3, priority, interval), skew)
          assert.equal(activeDownInterval(3, priority, interval), 3 * interval + skew)
        }
      },
    },
    {
      section: '6.1',
      level: 'MUST',
      says: 'who owns the addresses preempts whatever Preempt_Mode is',
      shows() {
        const router = new OneRouter({ priority: 255, preemption: { mode: 'Never' } }).start()
        router.hear(254)
        assert.equal(router.state.name, 'Active')
      },
    },
    {
      section: '6.1',
      level: 'default',
      says: 'Preempt_Mode is True',
      shownIn: [
        { file: 'test/netns/agent-links.test.ts', test: 'that is set down is a FAULT that says how to end it' },
      ],
    },
    {
      section: '6.1',
      level: 'default',
      says: 'Accept_Mode is False',
      departs:
        'it is True: the addresses are bound to the link, for the services on the node; there is no field for it yet',
    },
    {
      section: '6.1',
      level: 'MUST NOT',
      says: 'Neighbor Solicitations and Advertisements are dropped where Accept_Mode is False',
      notOurs: 'Accept_Mode is always True, and nothing is dropped',
    },
    {
      section: '6.4.1',
      level: 'MUST',
      says: 'on Startup, priority 255 advertises, announces, sets Adver_Timer and is Active',
      shows() {
        const router = new OneRouter({ priority: 255 }).start()
        assert.equal(router.state.name, 'Active')
        assert.deepEqual(router.runTo(1000).said, ['0 advert 255', '0 announce', '1000 advert 255'])
      },
    },
    {
      section: '6.4.1',
      level: 'MUST',
      says: 'on Startup, any other priority is Backup and waits Active_Down_Interval by its own interval',
      shows: () => assertTakesOverAt(new OneRouter().start(), 3609.375),
      departs:
        'but for a VRID that the controller has just allocated, where there can be no Active Router: the first node is Active at once',
    },
    {
      section: '6.4.2',
      level: 'MUST NOT',
      says: 'a Backup answers ARP requests for the addresses',
      shownIn: wire('a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses'),
    },
    {
      section: '6.4.2',
      level: 'MUST NOT',
      says: 'a Backup answers Neighbor Solicitations for the addresses',
      shownIn: wire('a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses'),
    },
    {
      section: '6.4.2',
      level: 'MUST NOT',
      says: 'a Backup sends Router Advertisements for the virtual router',
      notOurs: `no state sends any: ${NO_ROUTER_ADVERTISEMENTS}`,
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup discards what is sent to the virtual MAC',
      notOurs: 'there is no virtual MAC yet, so the link does not take such frames in',
    },
    {
      section: '6.4.2',
      level: 'MUST NOT',
      says: 'a Backup accepts packets to the addresses',
      shownIn: wire('a BACKUP answers neither ARP nor Neighbor Solicitations, and accepts nothing for the addresses'),
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup that shuts down cancels its timer, says nothing and is in Initialize',
      shows() {
        const router = new OneRouter().start().runTo(1000).shutDown()
        assert.equal(router.state.name, 'Initialize')
        assert.deepEqual(router.runTo(60_000).said, [])
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'when Active_Down_Timer fires a Backup advertises, announces each address, sets Adver_Timer and is Active',
      shows() {
        const router = new OneRouter().start().runTo(4609.375)
        assert.equal(router.state.name, 'Active')
        assert.deepEqual(router.said, ['3609.375 advert 100', '3609.375 announce', '4609.375 advert 100'])
      },
      departs: 'the addresses are bound first: nothing is announced that is not held. It is announced more than once',
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a gratuitous ARP is broadcast and has the address as its sender and its target (erratum 7949)',
      shows() {
        const frame = gratuitousArp(VIP, Uint8Array.of(2, 0, 0, 0, 0, 1))
        assert.deepEqual(frame.subarray(0, 6), Uint8Array.of(255, 255, 255, 255, 255, 255))
        assert.deepEqual(frame.subarray(28, 32), VIP.bytes)
        assert.deepEqual(frame.subarray(38, 42), VIP.bytes)
      },
      departs:
        'its target hardware address is ff:ff:ff:ff:ff:ff as in keepalived’s, not the virtual MAC: nobody reads it in a request',
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'for IPv6 it joins the solicited-node group and sends an unsolicited Neighbor Advertisement with R and O set, S not',
      shownIn: wire(
        'a MASTER joins the solicited-node group and answers for the addresses; R says whether its node forwards',
      ),
      departs: 'R is set where the node forwards IPv6: hosts drop a default router that says it is none',
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'on Priority 0 a Backup waits Skew_Time',
      shows() {
        const router = new OneRouter().start().runTo(1000)
        router.hear(0)
        assertTakesOverAt(router, 1609.375)
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'a Backup follows an advert of its own or a higher priority: it adopts the interval, computes Skew_Time and Active_Down_Interval anew and waits that long',
      shows() {
        for (const priority of [100, 101, 255]) {
          const router = new OneRouter().start().runTo(1000)
          router.hear(priority, { interval: 2000 })
          assertTakesOverAt(router, 1000 + 6000 + 1218.75)
        }
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'with Preempt_Mode False a Backup follows a lower priority just so',
      shows() {
        const router = new OneRouter({ preemption: { mode: 'Never' } }).start().runTo(1000)
        router.hear(1, { interval: 2000 })
        assertTakesOverAt(router, 1000 + 6000 + 1218.75)
      },
    },
    {
      section: '6.4.2',
      level: 'MUST',
      says: 'with Preempt_Mode True a Backup discards an advert of a lower priority',
      shows() {
        const router = new OneRouter().start().runTo(1000)
        router.hear(99, { interval: 2000 })
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router answers ARP requests for the addresses',
      shownIn: wire(
        'a MASTER joins the solicited-node group and answers for the addresses; R says whether its node forwards',
      ),
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router is a member of the solicited-node groups, and answers Neighbor Solicitations with the Router flag set',
      shownIn: wire(
        'a MASTER joins the solicited-node group and answers for the addresses; R says whether its node forwards',
      ),
      departs: 'the kernel answers: R is set where the node forwards IPv6',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router sends Router Advertisements for the virtual router',
      departs: `it sends none: ${NO_ROUTER_ADVERTISEMENTS}`,
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router forwards what is sent to the virtual MAC',
      departs: `${VIRTUAL_MAC}; what is sent to that is forwarded where the node forwards`,
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router accepts packets to the addresses if it owns them or Accept_Mode is True',
      shownIn: [
        {
          file: 'test/netns/agent-addresses.test.ts',
          test: 'of both families are held by the same node, and move together',
        },
      ],
    },
    {
      section: '6.4.3',
      level: 'MUST NOT',
      says: 'an Active Router accepts packets to the addresses otherwise',
      departs: 'Accept_Mode is always True for now',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router that shuts down cancels Adver_Timer, advertises Priority 0 and is in Initialize',
      shows() {
        const router = new OneRouter().active()
        const before = router.said.length
        router.shutDown()
        assert.equal(router.state.name, 'Initialize')
        assert.ok(!router.holds)
        assert.deepEqual(router.runTo(60_000).saidSince(before), ['5000 advert 0'])
      },
      departs:
        'with `--handover 0s`; else it answers on until its successor has announced, for milliseconds, so that no packet is lost',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'when Adver_Timer fires an Active Router advertises and sets it anew',
      shows() {
        const router = new OneRouter().active(6700)
        assert.deepEqual(router.saidSince(2), ['4609.375 advert 100', '5609.375 advert 100', '6609.375 advert 100'])
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'on Priority 0 an Active Router advertises at once and sets Adver_Timer anew',
      shows() {
        const router = new OneRouter().active()
        const before = router.said.length
        router.hear(0)
        assert.deepEqual(router.runTo(6000).saidSince(before), ['5000 advert 100', '6000 advert 100'])
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router that hears a higher priority cancels Adver_Timer, adopts the interval, and is Backup for Active_Down_Interval',
      shows() {
        const router = new OneRouter().active()
        const before = router.said.length
        router.hear(101, { interval: 2000 })
        assert.equal(router.state.name, 'Backup')
        assert.ok(!router.holds)
        router.runTo(12_218.74)
        assert.deepEqual(router.saidSince(before), [])
        assertTakesOverAt(router, 12_218.75)
      },
      departs:
        'with `--handover 0s`; else it answers for up to 50 ms more, and advertises once where its successor was not heard to announce',
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'of equal priorities the greater address wins, compared as unsigned numbers in network byte order',
      shows() {
        for (const [source, state] of [
          ['10.0.0.10', 'Backup'],
          ['10.0.0.6', 'Backup'],
          ['200.0.0.1', 'Backup'],
          ['10.0.0.4', 'Active'],
          ['9.255.255.255', 'Active'],
        ] as const) {
          const router = new OneRouter().active()
          router.hear(100, {}, ipAddress(source))
          assert.equal(router.state.name, state, source)
        }
      },
    },
    {
      section: '6.4.3',
      level: 'MUST',
      says: 'an Active Router discards a losing advert and advertises at once',
      shows() {
        for (const [priority, source] of [
          [99, GREATER],
          [100, LOWER],
        ] as const) {
          const router = new OneRouter().active()
          const before = router.said.length
          router.hear(priority, { interval: 2000 }, source)
          assert.equal(router.state.name, 'Active')
          assert.deepEqual(router.runTo(5700).saidSince(before), [
            '5000 advert 100',
            '5000 announce',
            '5609.375 advert 100',
          ])
        }
      },
      departs:
        'at most once in its own interval, and with an announcement: two routers that both believe they win would answer each other without end',
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet whose version is not 3 is discarded',
      shows() {
        for (const version of [0, 1, 4, 15]) {
          const router = new OneRouter().start()
          const message = sealed(Uint8Array.of((version << 4) | 1, ...bytes(PLAIN).subarray(1)))
          assert.equal(router.hearBytes(message), 'Version')
          assertTakesOverAt(router, 3609.375)
        }
        const router = new OneRouter().start()
        router.hear(200, { version: 2 })
        assert.deepEqual(router.noted.at(-1)?.type, 'VersionMismatch')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet that does not hold the whole message is discarded',
      shows() {
        const message = withChecksum('3133c802 0064 0000 0a000064 0a000065')
        for (let length = 0; length < message.length; length++) {
          const router = new OneRouter().start()
          assert.equal(router.hearBytes(message.subarray(0, length)), 'Length')
          assertTakesOverAt(router, 3609.375)
        }
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet whose checksum is wrong is discarded',
      shows() {
        const router = new OneRouter().start()
        assert.equal(router.hearBytes(bytes('3133c801 0064 dead 0a000064')), 'Checksum')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'a packet of a VRID that is not configured on the link is discarded',
      shows() {
        const router = new OneRouter().start()
        assert.equal(router.hearBytes(withChecksum('3134c801 0064 0000 0a000064')), 'nobody’s')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'an advert with an interval of 0 is discarded (erratum 8301)',
      shows() {
        const router = new OneRouter().start()
        assert.equal(router.hearBytes(withChecksum('3133c801 0000 0000 0a000064')), 'Interval')
        assertTakesOverAt(router, 3609.375)
      },
    },
    {
      section: '7.1',
      level: 'SHOULD',
      says: 'who owns the addresses notes another’s adverts; they count (erratum 8298)',
      shows() {
        const router = new OneRouter({ priority: 255 }).active(500)
        router.hear(255, {}, LOWER)
        assert.deepEqual(router.noted.at(-1), { type: 'LosingAdvertisement', source: LOWER, priority: 255 })
        router.hear(255, {}, GREATER)
        assert.equal(router.state.name, 'Backup')
      },
    },
    {
      section: '7.1',
      level: 'MUST',
      says: 'the first IPv6 address of an advert is link-local (erratum 8300)',
      shows() {
        const message = advertBytes(plain({ addresses: [ipAddress('fd01::100')] }), IPV6_SOURCE)
        assert.ok('addresses' in decodeAdvertisement(message, IPV6_PATH))
      },
      departs: 'an advert without one counts: keepalived sends what it was given, and so do we',
    },
    {
      section: '7.1',
      level: 'SHOULD',
      says: 'what fails these checks is logged, not without end',
      shownIn: [
        { file: 'test/netns/agent-metrics.test.ts', test: 'counts the adverts that it refuses' },
        { file: 'test/agent/complaints.test.ts', test: 'what was said is not said again for ten minutes' },
      ],
    },
    {
      section: '7.1',
      level: 'SHOULD',
      says: 'an advert of another interval is logged, and not discarded',
      shows() {
        const router = new OneRouter().start()
        router.hear(200, { interval: 2000 })
        const mismatch = { type: 'IntervalMismatch', source: GREATER, heard: 2000, configured: 1000 }
        assert.deepEqual(router.noted.at(-1), mismatch)
        assert.equal(router.state.name === 'Backup' && router.state.activeInterval, 2000)
      },
      shownIn: [{ file: 'test/netns/agent-diagnosis.test.ts', test: 'a MASTER of another interval' }],
    },
    {
      section: '7.1',
      level: 'MAY',
      says: 'a list of other addresses is noticed, logged, and the advert not discarded',
      shows() {
        const router = new OneRouter().start()
        router.hear(200, { addresses: [ipAddress('10.0.0.101')] })
        assert.equal(router.noted.at(-1)?.type, 'AddressListMismatch')
        assertTakesOverAt(router, 3609.375)
      },
      shownIn: [
        {
          file: 'test/netns/agent-diagnosis.test.ts',
          test: 'addresses that are not the same on both nodes: they agree on a MASTER all the same',
        },
      ],
    },
    {
      section: '7.2',
      level: 'MUST',
      says: 'an advert’s fields are those of the configuration, its source the primary address of the link, its protocol 112',
      shownIn: [
        ...wire('over IPv4, each field of an advert, its IP header and its frame'),
        ...wire('over IPv6, each field of an advert, its IP header and its frame'),
      ],
    },
    {
      section: '7.2',
      level: 'MUST',
      says: 'an advert’s source MAC is the virtual MAC',
      departs: VIRTUAL_MAC,
    },
    {
      section: '7.3',
      level: 'MUST',
      says: 'the virtual MAC is 00-00-5E-00-01-{VRID}, for IPv6 00-00-5E-00-02-{VRID}',
      departs: VIRTUAL_MAC,
    },
    {
      section: '7.4',
      level: 'MUST NOT',
      says: 'IPv6 interface identifiers are made of the virtual MAC',
      notOurs: 'there is no virtual MAC yet, and kube-vrrp makes no interface identifiers',
    },
    {
      section: '8.1.1',
      level: 'MAY',
      says: 'ICMP redirects are sent, from the address that the host used',
      notOurs: 'the kernel sends them, where the node routes',
    },
    {
      section: '8.1.2',
      level: 'MUST',
      says: 'ARP requests for the addresses are answered with the virtual MAC, never with the link’s own',
      departs: VIRTUAL_MAC,
    },
    {
      section: '8.1.2',
      level: 'SHOULD NOT',
      says: 'a router that restarts sends ARP messages with its own MAC for addresses that it owns',
      departs: VIRTUAL_MAC,
    },
    {
      section: '8.1.2',
      level: 'MUST',
      says: 'at boot nothing is announced before the address is configured',
      shownIn: [
        {
          file: 'test/netns/agent-level.test.ts',
          test: 'a link that goes down and up, is made anew or renamed is a FAULT; then it starts as any router, and announces when it is Active',
        },
      ],
    },
    {
      section: '8.1.2',
      level: 'SHOULD',
      says: 'each address is announced by a gratuitous ARP when it is configured',
      shownIn: [
        {
          file: 'test/netns/agent-reload.test.ts',
          test: 'to one with another address: it is held and announced, and MASTER stays MASTER',
        },
      ],
    },
    {
      section: '8.1.2',
      level: 'SHOULD',
      says: 'who wants one certain router, e.g. by SSH, uses an address of its own',
      shownIn: [
        {
          file: 'test/netns/agent-addresses.test.ts',
          test: "without a prefix length are no source of the node's own connections",
        },
      ],
    },
    {
      section: '8.1.3',
      level: 'MUST',
      says: 'Proxy ARP answers with the virtual MAC',
      notOurs: 'kube-vrrp does no Proxy ARP',
    },
    {
      section: '8.2.1',
      level: 'SHOULD',
      says: 'ICMPv6 redirects come from the address that the host used',
      notOurs: 'the kernel sends them, where the node routes',
    },
    {
      section: '8.2.2',
      level: 'MUST',
      says: 'at boot no Neighbor Advertisement is sent before the address is configured',
      shownIn: [
        {
          file: 'test/netns/agent-level.test.ts',
          test: 'a link that goes down and up, is made anew or renamed is a FAULT; then it starts as any router, and announces when it is Active',
        },
      ],
    },
    {
      section: '8.2.2',
      level: 'SHOULD NOT',
      says: 'a router that restarts sends Neighbor Discovery messages with its own MAC for addresses that it owns',
      departs: VIRTUAL_MAC,
    },
    {
      section: '8.2.2',
      level: 'SHOULD',
      says: 'an unsolicited Neighbor Advertisement is sent when an address is configured',
      shownIn: [
        {
          file: 'test/netns/agent-level.test.ts',
          test: 'addresses that are deleted or flushed, and a link that gets another MAC or MTU, are announced again without a transition',
        },
      ],
    },
    {
      section: '8.2.2',
      level: 'MAY',
      says: 'Duplicate Address Detection is left out by the owner',
      shownIn: [
        {
          file: 'test/netns/linux-addresses.test.ts',
          test: 'an IPv6 address is held at once, without duplicate address detection, and is no source of its own',
        },
      ],
    },
    {
      section: '8.2.2',
      level: 'MUST',
      says: 'Neighbor Solicitations are answered, and sent, with the virtual MAC, never with the link’s own',
      departs: VIRTUAL_MAC,
    },
    {
      section: '8.2.3',
      level: 'MUST',
      says: 'a Backup’s Router Advertisement options are those of the owner',
      notOurs: NO_ROUTER_ADVERTISEMENTS,
    },
    {
      section: '8.2.3',
      level: 'SHOULD NOT',
      says: 'Router Advertisements name services that only the owner has',
      notOurs: NO_ROUTER_ADVERTISEMENTS,
    },
    {
      section: '8.2.4',
      level: 'SHOULD',
      says: 'unsolicited Neighbor Advertisements are accepted, and the neighbour table follows',
      shownIn: [
        {
          file: 'test/netns/agent-addresses.test.ts',
          test: 'of both families are held by the same node, and move together',
        },
      ],
    },
    {
      section: '8.3.1',
      level: 'SHOULD NOT',
      says: 'an Active Router that is not the owner forwards packets to the addresses',
      notOurs: 'the addresses are its own while it is Active, so the kernel takes such packets in',
    },
    {
      section: '8.3.2',
      level: 'SHOULD',
      says: 'no two routers of a link have priority 255, and it is logged if they do',
      shownIn: [
        {
          file: 'test/netns/agent-refusals.test.ts',
          test: 'with a file in which nodes have the same priority',
        },
        { file: 'test/scenarios/two-owners.txt', test: 'Two owners are a mistake' },
      ],
    },
    {
      section: '8.3.2',
      level: 'SHOULD',
      says: 'priorities differ enough that no two Backups take over together',
      shownIn: [
        { file: 'test/vrrp/timers.test.ts', test: 'of two Backups the one with the higher priority waits less' },
      ],
    },
    {
      section: '8.3.2',
      level: 'MAY',
      says: 'routers of one priority are logged',
      shows() {
        const router = new OneRouter().active()
        router.hear(100, {}, LOWER)
        assert.deepEqual(router.noted.at(-1), { type: 'LosingAdvertisement', source: LOWER, priority: 100 })
      },
    },
    {
      section: '8.4',
      level: 'MAY',
      says: 'versions 2 and 3 are spoken at the same time, for a migration',
      departs: 'a VirtualIP has one version, `spec.version`; an advert of the other is told of (`VersionMismatch`)',
    },
    {
      section: '8.4.2',
      level: 'MUST',
      says: 'who speaks both sends both at the configured rate, and waits by the rate of the Active Router, seconds or centiseconds',
      notOurs: 'a VirtualIP has one version',
    },
    {
      section: '8.4.2',
      level: 'SHOULD',
      says: 'who speaks both ignores version 2 of an Active Router that speaks version 3 too',
      shows() {
        const router = new OneRouter().start()
        router.runTo(1000).hear(200)
        router.runTo(1500).hear(200, { version: 2 })
        assertTakesOverAt(router, 4609.375)
      },
    },
    {
      section: '9',
      level: 'SHOULD',
      says: 'IPv6 links are kept secure as RFC 9099 §2.3 says',
      notOurs: 'it is for who runs the link; VRRP itself takes no packet that was forwarded (TTL 255)',
    },
  ],
}

type Plain = Parameters<typeof advertBytes>[0]

function plain(more: Partial<Plain>): Plain {
  return { version: 3, virtualRouterID: 51, priority: 200, interval: 1000, addresses: [VIP], ...more }
}

/** Backup until then, and then Active. */
function assertTakesOverAt(router: OneRouter, at: number): void {
  assert.equal(router.runTo(at - 0.001).state.name, 'Backup')
  const before = router.said.length
  assert.equal(router.runTo(at).state.name, 'Active')
  assert.deepEqual(router.saidSince(before), [`${at} advert 100`, `${at} announce`])
}
