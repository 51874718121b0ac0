import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant } from '../../src/lib/time.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import {
  type Active,
  deadline,
  holdsAddresses,
  initialState,
  type RouterEvent,
  type RouterState,
  type Step,
  step,
  type VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'

// A router of priority 100 and interval 1 s that is Active until NOW.
const NOW: Instant = 10_000
const PEER = ipAddress('10.0.0.10')

const config: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 100,
  advertisementInterval: 1000,
  addresses: [ipAddress('10.0.0.100')],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: ipAddress('10.0.0.5'),
  handover: 29_000,
}
const letter: VirtualRouterConfig = { ...config, handover: 0 }
const active: Active = { name: 'Active', since: 0, advertisementDeadline: NOW + 400 }

const shutdown = (handOver: boolean): RouterEvent => ({ type: 'Shutdown', handOver })
const announced: RouterEvent = { type: 'Announced' }
const fires: RouterEvent = { type: 'DeadlineReached' }

function advert(priority: number): RouterEvent {
  const advertisement = {
    version: 3,
    virtualRouterID: 51,
    priority,
    interval: 1000,
    addresses: config.addresses,
  } as const
  return { type: 'AdvertisementReceived', advertisement, source: PEER }
}

/** The states after each event of a story that begins as Active; times count from NOW. */
function states(events: readonly (readonly [at: number, event: RouterEvent])[], how = config): RouterState[] {
  return steps(events, how).map(({ state }) => state)
}

function steps(events: readonly (readonly [at: number, event: RouterEvent])[], how = config): Step[] {
  let state: RouterState = active
  return events.map(([at, event]) => {
    const result = step(how, state, event, NOW + at)
    state = result.state
    return result
  })
}

/** When it stops answering, if nothing else is heard: from NOW. */
function until(state: RouterState | undefined): number | undefined {
  assert.ok(state && state.name !== 'Active')
  return state.handover && state.handover.until - NOW
}

describe('of two that took over from one that has left', () => {
  const since = NOW - 2999
  const late: Active = { ...active, since }

  test('the lower one answers for 50 ms after it has yielded, whatever it hears: it may have announced last', () => {
    const yielded = step(config, late, advert(200), NOW).state
    const heard = step(config, yielded, announced, NOW + 1).state
    assert.deepEqual([until(yielded), until(heard)], [50, 50])
    assert.equal(holdsAddresses(step(config, heard, fires, NOW + 50).state), false)
  })

  test('the higher one announces when the other one has, once an interval and with the next advert', () => {
    let state: RouterState = step(config, active, advert(90), NOW).state
    const said = [1, 10, 20].map(at => {
      const result = step(config, state, announced, NOW + at)
      state = result.state
      return result.messages.map(({ type }) => type)
    })
    assert.deepEqual(said, [['Announce'], [], []])
    const next = step(config, state, fires, NOW + 400)
    assert.deepEqual(
      next.messages.map(({ type }) => type),
      ['Advertise', 'Announce'],
    )
    const after = step(config, next.state, fires, NOW + 1400)
    assert.deepEqual(
      after.messages.map(({ type }) => type),
      ['Advertise'],
    )
  })
})

test('An Active Router defends its addresses against who announces them, every ten seconds at most', () => {
  let state: RouterState = active
  const defended = [0, 1000, 9999, 10_000, 19_999].filter(at => {
    const result = step(config, state, announced, NOW + at)
    state = result.state
    return result.messages.some(({ type }) => type === 'Announce')
  })
  assert.deepEqual(defended, [0, 10_000])
})

describe('a router that leaves', () => {
  test('says Priority 0 at once, and no more', () => {
    const results = steps([
      [0, shutdown(true)],
      [600, advert(90)],
      [601, announced],
      [606, fires],
    ])
    assert.deepEqual(
      results.flatMap(({ messages }) => messages),
      [{ type: 'Advertise', priority: 0 }],
    )
  })

  test('answers until 5 ms after its successor has announced, and tells so once', () => {
    const results = steps([
      [0, shutdown(true)],
      [600, advert(90)],
      [601, announced],
      [605, fires],
      [606, fires],
      [607, fires],
    ])
    assert.deepEqual(
      results.map(({ state }) => holdsAddresses(state)),
      [true, true, true, true, false, false],
    )
    assert.deepEqual(
      results.flatMap(({ observations }) => observations).filter(({ type }) => type === 'HandedOver'),
      [{ type: 'HandedOver', successor: 'Announced' }],
    )
  })

  test('answers for 50 ms after an advert that no announcement followed', () => {
    const [, heard] = states([
      [0, shutdown(true)],
      [600, advert(90)],
    ])
    assert.equal(until(heard), 650)
  })

  test('answers for no longer because an advert came again, or announcements went on', () => {
    const story = [
      [0, shutdown(true)],
      [600, advert(90)],
      [640, advert(90)],
      [648, announced],
      [649, announced],
    ] as const
    assert.deepEqual(states(story).map(until), [4000, 650, 650, 650, 650])
  })

  test('goes on for each address that is announced, for others may not have been yet', () => {
    const [, , first, second] = states([
      [0, shutdown(true)],
      [600, advert(90)],
      [601, announced],
      [604, announced],
    ])
    assert.deepEqual([until(first), until(second)], [606, 609])
  })

  test('takes an announcement for a successor whose advert was lost', () => {
    assert.equal(
      until(
        states([
          [0, shutdown(true)],
          [600, announced],
        ]).at(-1),
      ),
      605,
    )
  })

  for (const [what, event] of [
    ['Priority 0 of another', advert(0)],
    ['its own advert come back', { ...advert(100), source: config.primaryAddress } as RouterEvent],
  ] as const) {
    test(`takes ${what} for no successor`, () => {
      assert.equal(
        until(
          states([
            [0, shutdown(true)],
            [600, event],
          ]).at(-1),
        ),
        4000,
      )
    })
  }

  for (const [version, interval, longest] of [
    [3, 200, 800],
    [3, 1000, 4000],
    [2, 1000, 4000],
  ] as const) {
    test(`answers for ${longest} ms at most with version ${version} and ${interval} ms: no Backup waits longer`, () => {
      const how = { ...config, version, advertisementInterval: interval } as const
      assert.equal(until(states([[0, shutdown(true)]], how)[0]), longest)
    })
  }

  test('answers for no longer than it is given', () => {
    assert.equal(until(states([[0, shutdown(true)]], { ...config, handover: 1500 })[0]), 1500)
  })

  test('holds nothing from then on where it is told not to hand over, where the letter of the RFC is asked for, and after sleep', () => {
    const left = [shutdown(true)] as const
    assert.equal(holdsAddresses(step(config, active, shutdown(false), NOW).state), false)
    assert.equal(holdsAddresses(step(letter, active, shutdown(true), NOW).state), false)
    const [leaving] = states(left.map(event => [0, event]))
    assert.ok(leaving)
    for (const event of [shutdown(false), { type: 'Overslept' } as const]) {
      assert.equal(holdsAddresses(step(config, leaving, event, NOW + 1).state), false)
    }
    assert.equal(holdsAddresses(step(config, leaving, shutdown(true), NOW + 1).state), true)
  })

  test('that never was Active has nothing to hand over', () => {
    const backup: RouterState = { name: 'Backup', since: 0, activeDownDeadline: NOW + 3000, activeInterval: 1000 }
    assert.equal(holdsAddresses(step(config, backup, shutdown(true), NOW).state), false)
    assert.deepEqual(step(config, initialState(0), announced, NOW).state, initialState(0))
  })

  test('and is told to take part again before it is done is Backup, and answers on', () => {
    const [, backup, heard] = states([
      [0, shutdown(true)],
      [10, { type: 'Startup', unheard: false }],
      [600, advert(150)],
    ])
    assert.equal(backup?.name, 'Backup')
    assert.deepEqual([until(backup), until(heard)], [4000, 650])
  })
})

describe('an Active Router that hears a higher one', () => {
  test('is Backup at once, and answers until the other has announced', () => {
    const results = steps([
      [0, advert(150)],
      [1, announced],
      [6, fires],
    ])
    assert.deepEqual(
      results.map(({ state }) => [state.name, holdsAddresses(state)]),
      [
        ['Backup', true],
        ['Backup', true],
        ['Backup', false],
      ],
    )
  })

  test('answers for 50 ms at most, also where it is given seconds', () => {
    assert.equal(until(states([[0, advert(150)]])[0]), 50)
    assert.equal(until(states([[0, advert(150)]], { ...config, handover: 20 })[0]), 20)
    assert.equal(until(states([[0, advert(150)]], letter)[0]), undefined)
  })

  test('and no announcement says so by one last advert when it answers no more: the other may not know that anyone else was Active', () => {
    const story = [
      [0, advert(150)],
      [50, fires],
      [1050, fires],
    ] as const
    const said = steps(story).map(({ messages }) => messages)
    assert.deepEqual(said, [[], [{ type: 'Advertise', priority: 100 }], []])
    assert.deepEqual(
      steps(story, letter).flatMap(({ messages }) => messages),
      [],
      'but not by the letter of the RFC',
    )
  })

  test('and an announcement has nothing more to say, nor has who hears that the other has left', () => {
    for (const heard of [announced, advert(0)]) {
      const results = steps([
        [0, advert(150)],
        [1, heard],
        [50, fires],
      ])
      assert.deepEqual(
        results.flatMap(({ messages }) => messages),
        [],
      )
    }
  })

  test('and is to take over again meanwhile holds what it held', () => {
    const [backup] = states([[0, advert(150)]])
    assert.ok(backup?.name === 'Backup')
    const late = { ...backup, activeDownDeadline: NOW + 10 }
    const again = step(config, late, fires, NOW + 10).state
    assert.equal(again.name, 'Active')
    assert.ok(holdsAddresses(again))
  })

  test('wakes for its last answer, then for its next deadline', () => {
    const [backup, , after] = states([
      [0, advert(150)],
      [50, fires],
      [50, fires],
    ])
    assert.ok(backup && after)
    assert.equal(deadline(backup), NOW + 50)
    assert.equal(deadline(after), NOW + 3609.375)
  })
})

test('adverts that come again while a Backup still answers change nothing about when it stops', () => {
  const set = new RouterSet()
  set.add('web', 1, config, 0)
  set.step('web', { type: 'Startup', unheard: true }, 0)
  set.step('web', advert(150), 1000)
  set.step('web', advert(150), 1010)
  set.repetition('web')?.(1020)
  assert.deepEqual(set.due(1049), [])
  assert.deepEqual(set.due(1050), ['web'])
  set.step('web', fires, 1050)
  assert.equal(holdsAddresses(set.get('web')?.state ?? active), false)
})

describe('a group (decision 11)', () => {
  const yields: RouterEvent = { type: 'Yield' }

  test('who yields with it says Priority 0, is Backup and answers as one that leaves', () => {
    const [yielded] = steps([[0, yields]])
    assert.deepEqual(yielded?.messages, [{ type: 'Advertise', priority: 0 }])
    assert.deepEqual(yielded?.observations, [
      { type: 'Transition', from: 'Active', to: 'Backup', reason: 'GroupYielded' },
    ])
    assert.ok(yielded && holdsAddresses(yielded.state))
    const [, heard] = states([
      [0, yields],
      [10, announced],
    ])
    assert.equal(heard && deadline(heard), NOW + 15)
    assert.equal(holdsAddresses(step(letter, active, yields, NOW).state), false)
  })

  test('who is not Active does not yield', () => {
    const [, backup] = states([
      [0, yields],
      [10, yields],
    ])
    assert.equal(backup?.name === 'Backup' && backup.since, NOW)
    assert.deepEqual(step(config, initialState(0), yields, NOW).state, initialState(0))
  })

  test('who is held back does not take over, and ceases to answer when its time is up', () => {
    const heldBack: RouterEvent = { type: 'DeadlineReached', isHeldBack: true }
    const [, waits, released, taken] = states([
      [0, yields],
      [3700, heldBack],
      [4000, heldBack],
      [4001, fires],
    ])
    assert.deepEqual([waits?.name, waits && holdsAddresses(waits)], ['Backup', true])
    assert.deepEqual([released?.name, released && holdsAddresses(released)], ['Backup', false])
    assert.equal(taken?.name, 'Active')
  })

  test('who yielded with it to a lower priority does not advertise against that when it ceases to answer', () => {
    const story = (priority: number) =>
      steps([
        [0, yields],
        [10, advert(priority)],
        [60, fires],
      ])
    assert.deepEqual(story(90).at(-1)?.messages, [])
    assert.deepEqual(story(200).at(-1)?.messages, [{ type: 'Advertise', priority: 100 }])
  })
})
