import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import { deadline, type RouterEvent, step, type VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const config: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 100,
  advertisementInterval: 1000,
  addresses: [ipAddress('10.0.0.100')],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: ipAddress('10.0.0.5'),
}
const startup: RouterEvent = { type: 'Startup', unheard: false }
const fires: RouterEvent = { type: 'DeadlineReached' }

function heard(priority: number): RouterEvent {
  const { version, virtualRouterID, advertisementInterval: interval, addresses } = config
  const advertisement = { version, virtualRouterID, priority, interval, addresses }
  return { type: 'AdvertisementReceived', advertisement, source: ipAddress('10.0.0.6') }
}

test('an added router is in Initialize, found by its key and by link, family and VRID, and by nothing else', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 7)
  const { key, link, state } = set.get('web') ?? {}
  assert.deepEqual({ key, link, state }, { key: 'web', link: 2, state: { name: 'Initialize', since: 7 } })
  assert.equal(set.get('web')?.config, config)
  assert.equal(set.find(2, 'IPv4', 51), 'web')
  assert.equal(set.find(2, 'IPv6', 51), undefined)
  assert.equal(set.find(3, 'IPv4', 51), undefined)
  assert.equal(set.find(2, 'IPv4', 52), undefined)
  assert.equal(set.get('mail'), undefined)
})

test('the same VRID may be used on another link and by the other family', () => {
  const set = new RouterSet()
  set.add('a', 2, config, 0)
  set.add('b', 3, config, 0)
  set.add('c', 2, { ...config, family: 'IPv6' }, 0)
  assert.deepEqual([...set.keys()], ['a', 'b', 'c'])
  assert.deepEqual([set.find(2, 'IPv4', 51), set.find(3, 'IPv4', 51), set.find(2, 'IPv6', 51)], ['a', 'b', 'c'])
})

test('no two routers on a link are told apart by anything but link, family and VRID', () => {
  const place = fc.tuple(
    fc.nat({ max: 2 ** 31 - 1 }),
    fc.constantFrom('IPv4' as const, 'IPv6' as const),
    fc.integer({ min: 1, max: 255 }),
  )
  fc.assert(
    fc.property(fc.uniqueArray(place, { selector: parts => parts.join(), minLength: 1 }), places => {
      const set = new RouterSet()
      for (const [link, family, virtualRouterID] of places) {
        set.add(`${link} ${family} ${virtualRouterID}`, link, { ...config, family, virtualRouterID }, 0)
      }
      for (const [link, family, id] of places) assert.equal(set.find(link, family, id), `${link} ${family} ${id}`)
    }),
  )
})

test('a key or a VRID in use is refused, and the first user undisturbed', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  assert.throws(() => set.add('mail', 2, config, 0), /VRID 51 \(IPv4\) on link 2 is in use by web/)
  assert.throws(() => set.add('web', 3, config, 0), RangeError)
  assert.deepEqual([...set.keys()], ['web'])
  assert.equal(set.find(2, 'IPv4', 51), 'web')
  assert.equal(set.find(3, 'IPv4', 51), undefined)
})

test('a removed router is gone, its VRID free, its deadline never due', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  set.step('web', startup, 0)
  set.remove('web')
  set.remove('web')
  assert.equal(set.get('web'), undefined)
  assert.deepEqual(set.due(1e9), [])
  assert.equal(set.nextDeadline(), undefined)
  set.add('mail', 2, config, 0)
  assert.equal(set.find(2, 'IPv4', 51), 'mail')
})

test('a step is the step of its router, with the stored configuration, and its state is kept', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  const started = set.step('web', startup, 0)
  assert.equal(set.get('web')?.state, started.state)
  assert.deepEqual(started, step(config, { name: 'Initialize', since: 0 }, startup, 0))
  assert.deepEqual(set.step('web', fires, 4000), step(config, started.state, fires, 4000))
})

test('a reconfiguration steps with the new configuration and knows the previous one', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  set.step('web', { type: 'Startup', unheard: true }, 0)
  const more = { ...config, addresses: [...config.addresses, ipAddress('10.0.0.101')] }
  assert.deepEqual(set.reconfigure('web', more, 10).messages, [
    { type: 'Advertise', priority: 100 },
    { type: 'Announce' },
  ])
  assert.deepEqual(set.reconfigure('web', { ...more, priority: 90 }, 20).messages, [])
  assert.equal(set.get('web')?.config.priority, 90)
})

test('a reconfiguration that would be another router is refused and changes nothing', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  const { state } = set.step('web', startup, 0)
  assert.throws(() => set.reconfigure('web', { ...config, virtualRouterID: 52 }, 10), RangeError)
  assert.equal(set.get('web')?.config, config)
  assert.equal(set.get('web')?.state, state)
  assert.equal(set.find(2, 'IPv4', 51), 'web')
})

test('an unknown key is a mistake', () => {
  assert.throws(() => new RouterSet().step('web', startup, 0), /No virtual router web/)
  assert.throws(() => new RouterSet().reconfigure('web', config, 0), /No virtual router web/)
})

test('who is due comes earliest first', () => {
  const set = new RouterSet()
  for (const [key, virtualRouterID, priority] of [
    ['a', 1, 100],
    ['b', 2, 150],
    ['c', 3, 200],
  ] as const) {
    set.add(key, 1, { ...config, virtualRouterID, priority }, 0)
    set.step(key, startup, 0)
  }
  assert.equal(set.nextDeadline(), 3218.75)
  assert.deepEqual(set.due(3218.74), [])
  assert.deepEqual(set.due(3218.75), ['c'])
  set.step('c', fires, 3218.75)
  assert.equal(set.nextDeadline(), 3414.0625)
  assert.deepEqual(set.due(1e6), ['b', 'a', 'c'])
})

test('nextDeadline is never late, due misses nobody and takes nobody too early, whatever was stepped, removed or reconfigured', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const action = fc.oneof(
    fc.record({ type: fc.constant('start' as const), key }),
    fc.record({ type: fc.constant('remove' as const), key }),
    fc.record({
      type: fc.constant('step' as const),
      key,
      event: fc.constantFrom(startup, fires, heard(0), heard(50), heard(200)),
    }),
    fc.record({ type: fc.constant('priority' as const), key, priority: fc.integer({ min: 1, max: 254 }) }),
    fc.record({ type: fc.constant('due' as const) }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 2000 }), action), { maxLength: 60 }), actions => {
      const set = new RouterSet()
      let now = 0
      for (const [wait, act] of actions) {
        now += wait
        if (act.type === 'due') {
          const due = set.due(now)
          assert.deepEqual(
            due,
            deadlines(set)
              .filter(([, at]) => at <= now)
              .map(([name]) => name),
          )
          for (const name of due) set.step(name, fires, now)
        } else if (act.type === 'remove') {
          set.remove(act.key)
        } else if (act.type === 'start') {
          if (!set.get(act.key)) set.add(act.key, 1, { ...config, virtualRouterID: act.key.charCodeAt(0) }, now)
          set.step(act.key, startup, now)
        } else if (set.get(act.key)) {
          if (act.type === 'step') set.step(act.key, act.event, now)
          else
            set.reconfigure(act.key, { ...config, virtualRouterID: act.key.charCodeAt(0), priority: act.priority }, now)
        }
        const [, earliest = Infinity] = deadlines(set)[0] ?? []
        assert.ok((set.nextDeadline() ?? Infinity) <= earliest)
      }
    }),
    { numRuns: 500 },
  )
})

/** By looking at every router. */
function deadlines(set: RouterSet): [string, number][] {
  const all = [...set.keys()].map((key): [string, number] => {
    const state = set.get(key)?.state
    return [key, (state && deadline(state)) ?? Infinity]
  })
  return all.filter(([, at]) => at < Infinity).sort(([, a], [, b]) => a - b)
}

test('an advert heard again costs no step, and comes to the same as if it had been stepped each time', () => {
  const adverts = [50, 100, 150, 200, 0].flatMap(priority =>
    [1000, 500].map(interval => {
      const event = heard(priority)
      if (event.type !== 'AdvertisementReceived') throw new Error('not an advert')
      return { ...event, advertisement: { ...event.advertisement, interval } }
    }),
  )
  const preemption = fc.constantFrom<VirtualRouterConfig['preemption']>(
    { mode: 'Always', delay: 0 },
    { mode: 'Always', delay: 700 },
    { mode: 'Never' },
  )
  const act = fc.record({
    after: fc.nat({ max: 1500 }),
    what: fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('hear' as const), advert: fc.nat(adverts.length - 1) }) },
      { weight: 12, arbitrary: fc.record({ type: fc.constant('hear again' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          type: fc.constant('reconfigure' as const),
          priority: fc.integer({ min: 40, max: 255 }),
          addresses: fc.constantFrom(config.addresses, [...config.addresses, ipAddress('10.0.0.101')]),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('oversleep' as const) }) },
    ),
  })
  let repeated = 0
  fc.assert(
    fc.property(preemption, fc.array(act, { minLength: 5, maxLength: 60 }), (preemption, acts) => {
      const set = new RouterSet()
      let own: VirtualRouterConfig = { ...config, preemption }
      set.add('web', 2, own, 0)
      set.step('web', startup, 0)
      let state = step(own, { name: 'Initialize', since: 0 }, startup, 0).state
      let last = adverts[0]
      let repetition: ((now: number) => boolean) | undefined
      let now = 0
      const both = (event: RouterEvent) => {
        const expected = step(own, state, event, now)
        state = expected.state
        assert.deepEqual(set.step('web', event, now), expected)
      }
      for (const { after, what } of acts) {
        now += after
        for (const key of set.due(now)) {
          assert.ok((deadline(set.get(key)?.state ?? state) ?? Infinity) <= now, 'due is due')
          both(fires)
        }
        assert.ok((deadline(state) ?? Infinity) > now, 'nothing that is due is left out')
        switch (what.type) {
          case 'hear':
            last = adverts[what.advert]
            if (last) both(last)
            repetition = set.repetition('web')
            break
          case 'hear again':
            if (!last) break
            if (repetition?.(now)) {
              repeated++
              const { messages, observations, state: next } = step(own, state, last, now)
              assert.deepEqual([messages, observations], [[], []])
              state = next
            } else {
              both(last)
              repetition = set.repetition('web')
            }
            break
          case 'reconfigure': {
            const previous = own
            own = { ...own, priority: what.priority, addresses: what.addresses }
            const expected = step(own, state, { type: 'Reconfigured', previous }, now)
            state = expected.state
            assert.deepEqual(set.reconfigure('web', own, now), expected)
            break
          }
          case 'oversleep':
            both({ type: 'Overslept' })
        }
        assert.ok((set.nextDeadline() ?? Infinity) <= (deadline(state) ?? Infinity), 'no deadline is passed over')
      }
      assert.deepEqual(set.get('web')?.state, state)
    }),
  )
  assert.ok(repeated > 0, `${repeated} adverts were heard again`)
})

test('what to do when an advert comes again is forgotten with its router', () => {
  const set = new RouterSet()
  set.add('web', 2, config, 0)
  set.step('web', startup, 0)
  set.step('web', heard(200), 100)
  assert.equal(set.repetition('web'), undefined, 'that it follows somebody is new')
  const event = heard(200)
  set.step('web', event, 200)
  const repetition = set.repetition('web')
  assert.equal(repetition?.(300), true)
  set.remove('web')
  assert.equal(repetition?.(400), false)
})
