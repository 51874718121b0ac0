import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatPrefix, type Prefix, parsePrefix } from '../../src/lib/ip-address.ts'
import { addressChanges, type DesiredAddress } from '../../src/linux/address-changes.ts'
import type { AddressChange } from '../../src/linux/addresses.ts'
import type { Link, LinkAddress } from '../../src/linux/links.ts'

const OUR_MARK = 200
const LINK_NAMES = new Map([
  [2, 'eth0'],
  [3, 'eth1'],
])

const STORIES = [
  {
    behaviour: 'an address that is missing is added',
    desired: ['10.0.0.5/32 dev eth0'],
    present: [],
    changes: ['ip addr add 10.0.0.5/32 dev eth0'],
  },
  {
    behaviour: 'an address of ours that is not desired any more is deleted',
    desired: [],
    present: ['10.0.0.5/32 dev eth0 ours'],
    changes: ['ip addr del 10.0.0.5/32 dev eth0'],
  },
  {
    behaviour: 'addresses are added before others are deleted',
    desired: ['10.0.0.6/32 dev eth0', 'fd00::6/128 dev eth0'],
    present: ['10.0.0.5/32 dev eth0 ours'],
    changes: [
      'ip addr add 10.0.0.6/32 dev eth0',
      'ip addr add fd00::6/128 dev eth0',
      'ip addr del 10.0.0.5/32 dev eth0',
    ],
  },
  {
    behaviour: 'what is as desired is left alone',
    desired: ['10.0.0.5/32 dev eth0'],
    present: ['10.0.0.5/32 dev eth0 ours', '10.0.0.1/24 dev eth0'],
    changes: [],
  },
  {
    behaviour: 'an address moves from link to link',
    desired: ['10.0.0.5/32 dev eth1'],
    present: ['10.0.0.5/32 dev eth0 ours'],
    changes: ['ip addr add 10.0.0.5/32 dev eth1', 'ip addr del 10.0.0.5/32 dev eth0'],
  },
  {
    behaviour: 'a desired address that someone else put there serves, and is not taken over',
    desired: ['10.0.0.5/32 dev eth0', 'fd00::5/128 dev eth0'],
    present: ['10.0.0.5/32 dev eth0', 'fd00::5/128 dev eth0'],
    changes: [],
  },
  {
    behaviour: 'it serves with another prefix length too',
    desired: ['10.0.0.5/32 dev eth0', 'fd00::5/128 dev eth0'],
    present: ['10.0.0.5/24 dev eth0', 'fd00::5/64 dev eth0'],
    changes: [],
  },
  {
    behaviour: 'beside it, ours stays as long as it is desired',
    desired: ['10.0.0.5/32 dev eth0'],
    present: ['10.0.0.5/32 dev eth0 ours', '10.0.0.5/24 dev eth0'],
    changes: [],
  },
  {
    behaviour: 'beside it, ours goes alone',
    desired: [],
    present: ['10.0.0.5/32 dev eth0 ours', '10.0.0.5/24 dev eth0'],
    changes: ['ip addr del 10.0.0.5/32 dev eth0'],
  },
  {
    behaviour: 'an IPv4 address gets its new prefix length before it loses the old one',
    desired: ['10.0.0.5/24 dev eth0'],
    present: ['10.0.0.5/32 dev eth0 ours'],
    changes: ['ip addr add 10.0.0.5/24 dev eth0', 'ip addr del 10.0.0.5/32 dev eth0'],
  },
  {
    behaviour: 'an IPv6 address, which a link has but once, loses its old prefix length first, right before',
    desired: ['fd00::5/64 dev eth0', '10.0.0.6/32 dev eth0'],
    present: ['fd00::5/128 dev eth0 ours'],
    changes: [
      'ip addr add 10.0.0.6/32 dev eth0',
      'ip addr del fd00::5/128 dev eth0',
      'ip addr add fd00::5/64 dev eth0',
    ],
  },
  {
    behaviour: 'an IPv4 address that is to have another label or scope is released right before it is held anew',
    desired: [
      '10.0.0.5/32 dev eth0 label eth0:1',
      '10.0.0.6/32 dev eth0',
      '10.0.0.7/32 dev eth0 scope 253',
      '10.0.0.8/32 dev eth0',
    ],
    present: ['10.0.0.5/32 dev eth0 ours', '10.0.0.6/32 dev eth0 ours label eth0:2', '10.0.0.7/32 dev eth0 ours'],
    changes: [
      'ip addr add 10.0.0.8/32 dev eth0',
      'ip addr del 10.0.0.5/32 dev eth0',
      'ip addr del 10.0.0.6/32 dev eth0',
      'ip addr del 10.0.0.7/32 dev eth0',
      'ip addr add 10.0.0.5/32 dev eth0 label eth0:1',
      'ip addr add 10.0.0.6/32 dev eth0',
      'ip addr add 10.0.0.7/32 dev eth0 scope 253',
    ],
  },
  {
    behaviour: 'one that has its label and its scope is left alone, and so is that of someone else',
    desired: [
      '10.0.0.5/32 dev eth0 label eth0:1',
      '10.0.0.6/32 dev eth0 label eth0:1',
      '10.0.0.7/32 dev eth0 scope 254',
    ],
    present: ['10.0.0.5/32 dev eth0 ours label eth0:1', '10.0.0.6/32 dev eth0', '10.0.0.7/32 dev eth0 ours scope 254'],
    changes: [],
  },
  {
    behaviour: 'nothing is done for a link that is gone',
    desired: ['10.0.0.5/32 dev eth9'],
    present: [],
    changes: [],
  },
]

for (const { behaviour, desired, present, changes } of STORIES) {
  test(behaviour, () => {
    const links = linksWith(present.map(parsePresent))
    assert.deepEqual(addressChanges(desired.map(parseDesired), links, isOurs).map(asCommand), changes)
  })
}

test('whatever was there, the changes make what is desired true, touch nothing of others, and leave nothing to change', () => {
  const prefix = fc
    .constantFrom('10.0.0.5/32', '10.0.0.5/24', '10.0.0.6/32', 'fd00::5/128', 'fd00::5/64', 'fd00::6/128')
    .map(prefixOf)
  const place = fc.record({ linkIndex: fc.constantFrom(...LINK_NAMES.keys()), prefix })
  const desired = fc
    .uniqueArray(place, { selector: ({ linkIndex, prefix }) => `${linkIndex} ${prefix.address.text}` })
    .map(places => places.map(at => ({ ...at, linkName: LINK_NAMES.get(at.linkIndex) ?? '' })))
  const present = fc.uniqueArray(
    fc.record({ linkIndex: fc.constantFrom(...LINK_NAMES.keys()), prefix, ours: fc.boolean() }),
    { selector: slotOf },
  )
  fc.assert(
    fc.property(desired, present, (desired, present) => {
      const after = applyAll(present, addressChanges(desired, linksWith(present), isOurs))
      for (const { linkIndex, prefix } of desired) {
        assert.ok(after.some(at => at.linkIndex === linkIndex && at.prefix.address.text === prefix.address.text))
      }
      assert.deepEqual(
        after.filter(at => !at.ours),
        present.filter(at => !at.ours),
      )
      assert.deepEqual(addressChanges(desired, linksWith(after), isOurs), [])
    }),
  )
})

interface Present {
  readonly linkIndex: number
  readonly prefix: Prefix
  readonly ours: boolean
  readonly label?: string
  readonly scope?: number
}

/** What the kernel makes of the changes; it refuses what Linux refuses. */
function applyAll(present: readonly Present[], changes: readonly AddressChange[]): Present[] {
  let addresses = [...present]
  for (const change of changes) {
    const slot = addresses.find(at => slotOf(at) === slotOf(change))
    if (change.action === 'hold') {
      assert.equal(slot, undefined, `EEXIST: ${asCommand(change)}`)
      addresses.push({ linkIndex: change.linkIndex, prefix: change.prefix, ours: true })
    } else {
      assert.ok(slot?.ours, `not ours: ${asCommand(change)}`)
      addresses = addresses.filter(at => at !== slot)
    }
  }
  return addresses
}

/** A link has an IPv4 address once for each prefix length, an IPv6 address once. */
function slotOf({ linkIndex, prefix }: { linkIndex: number; prefix: Prefix }): string {
  return `${linkIndex} ${prefix.address.family === 'IPv4' ? formatPrefix(prefix) : prefix.address.text}`
}

function isOurs(_: Link, address: LinkAddress): boolean {
  return address.protocol === OUR_MARK
}

function linksWith(present: readonly Present[]): Map<number, Link> {
  return new Map(
    [...LINK_NAMES].map(([index, name]) => {
      const addresses = present
        .filter(at => at.linkIndex === index)
        .map(({ prefix, ours, scope = 0, label = name }) => {
          return {
            prefix,
            protocol: ours ? OUR_MARK : undefined,
            scope,
            flags: 0,
            ...(label === name ? {} : { label }),
          }
        })
      const rest = { mac: new Uint8Array(6), mtu: 1500, up: true, carrier: true, loopback: false, noArp: false }
      return [index, { ...rest, index, name, addresses }]
    }),
  )
}

/** `10.0.0.5/32 dev eth0`, maybe with ` label eth0:1` and ` scope 253` */
function parseDesired(text: string): DesiredAddress {
  const [prefix = '', ...words] = text.split(' ')
  const after = (word: string) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined)
  const [linkName = '', label, scope] = ['dev', 'label', 'scope'].map(after)
  const linkIndex = [...LINK_NAMES].find(([, name]) => name === linkName)?.[0] ?? 9
  const looks = { ...(label === undefined ? {} : { label }), ...(scope === undefined ? {} : { scope: Number(scope) }) }
  return { linkIndex, linkName, prefix: prefixOf(prefix), ...looks }
}

/** `10.0.0.5/32 dev eth0 ours` */
function parsePresent(text: string): Present {
  return { ...parseDesired(text), ours: text.split(' ').includes('ours') }
}

function asCommand({ action, prefix, linkName, label, scope }: AddressChange): string {
  const looks = [...(label === undefined ? [] : [`label ${label}`]), ...(scope === undefined ? [] : [`scope ${scope}`])]
  const verb = action === 'hold' ? 'add' : 'del'
  return [`ip addr ${verb} ${formatPrefix(prefix)} dev ${linkName}`, ...looks].join(' ')
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  assert.ok(prefix)
  return prefix
}
