/* The bound of docs/decisions/0009, on a virtual clock: a loop that stops at any of its calls, for good or for a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heartbeat } from '../../src/agent/heartbeat.ts'
import { type IpAddress, parsePrefix } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { AddressChange } from '../../src/linux/addresses.ts'
import type { Fence } from '../../src/linux/fence.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import type { Message, VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const INTERVAL = 100
const [KEY, OTHER] = ['web/IPv4', 'other/IPv4']
const PREFIX = parsePrefix('10.0.0.100/32') ?? assert.fail()
const HOLD: AddressChange = { action: 'hold', linkIndex: 2, linkName: 'eth0', prefix: PREFIX }
/** A pass's calls take a moment each. */
const CALL: Millis = 0.1
const FOR_GOOD = Number.POSITIVE_INFINITY
const LONG: Millis = 1e6

class Stopped extends Error {}

test('wherever it stops, for however long, the address is not answered for later than 3 intervals after the last advert', () => {
  const { boundaries, becameActive } = new Run(INTERVAL).until(1000)
  assert.ok(boundaries > becameActive + 100, `${boundaries}`)
  for (let boundary = becameActive; boundary < boundaries; boundary++) {
    for (const length of [FOR_GOOD, 5, 60, 95, 150, 250, 290, 310, 1000]) {
      const { latest } = new Run(INTERVAL, { boundary, length }).until(2500)
      assert.ok(latest <= 3, `stopped at ${boundary} for ${length} ms: ${latest} intervals`)
    }
  }
})

test('a loop that is late by less than 0.6 intervals does not lapse; one that is later does, and goes on when nobody else is Active', () => {
  for (let boundary = 20; boundary < 60; boundary++) {
    assert.equal(new Run(INTERVAL, { boundary, length: 60 }).until(1000).lapses, 0)
  }
  const run = new Run(INTERVAL, { boundary: 40, length: 150 }).until(1000)
  assert.equal(run.lapses, 1)
  assert.equal(run.isAnswered, true)
})

test('who has become Active and waits for its addresses does not end it for the others of its class', () => {
  const run = new Run(INTERVAL).until(500)
  run.join()
  run.until(1500)
  assert.deepEqual([run.lapses, run.isAnswered], [0, true])
})

test('an advert that can not be sent ends it as well', () => {
  const run = new Run(INTERVAL)
  run.until(500)
  run.isMute = true
  run.until(2000)
  assert.equal(run.isAnswered, false)
  assert.ok(run.latest <= 3, `${run.latest} intervals`)
})

test('a shorter interval holds from the first advert that names it, a longer one from the second', () => {
  for (const [before, after] of [
    [1000, 100],
    [100, 1000],
  ] as const) {
    const { boundaries } = new Run(before).until(500)
    for (let boundary = boundaries; boundary < boundaries + 60; boundary++) {
      const run = new Run(before, { boundary, length: FOR_GOOD }).until(500).reconfigure(after).until(8000)
      assert.ok(run.latest <= 3, `${before} to ${after}, stopped at ${boundary}: ${run.latest} intervals`)
    }
    const run = new Run(before).until(500).reconfigure(after).until(8000)
    assert.deepEqual([run.lapses, run.isAnswered], [0, true])
  }
})

test('where the kernel has no fence nothing is ever due', () => {
  const set = new RouterSet()
  set.add(KEY, 2, config(INTERVAL), 0)
  set.step(KEY, { type: 'Startup', unheard: true }, 0)
  const routers = new Map([[KEY, { advertisedAt: 0, outbox: [] }]])
  const openFence = () => undefined
  const places = { of: () => [HOLD] }
  const heartbeat = new Heartbeat({ set, routers, places, openFence, complain: sentence => assert.fail(sentence) })
  heartbeat.open()
  heartbeat.before([HOLD], 0)
  heartbeat.begin(0)
  assert.equal(heartbeat.next(), undefined)
})

test('a fence that was flushed while the loop stood still is made anew without what should have ceased to be alive', () => {
  const OTHER_LINK: AddressChange = { ...HOLD, linkIndex: 3, linkName: 'eth1' }
  const set = new RouterSet()
  const routers = new Map()
  for (const [key, link] of [
    [KEY, 2],
    [OTHER, 3],
  ] as const) {
    set.add(key, link, config(INTERVAL), 0)
    set.step(key, { type: 'Startup', unheard: true }, 0)
    routers.set(key, { advertisedAt: 0, outbox: [] })
  }
  const begun: string[] = []
  let isFlushed = false
  const openFence = (): Fence => {
    const isOld = begun.length === 0
    return {
      put: () => undefined,
      remove: () => undefined,
      begin: fenceClass => {
        if (isOld && isFlushed) return new SyscallError('change the fence in nftables', 'ENOENT')
        begun.push(fenceClass)
        return undefined
      },
      renew: () => true,
      end: () => undefined,
      destroy: () => undefined,
      close: () => {},
    }
  }
  const places = { of: (key: string) => [key === OTHER ? OTHER_LINK : HOLD] }
  const heartbeat = new Heartbeat({ set, routers, places, openFence, complain: () => {} })
  heartbeat.open()
  heartbeat.before([HOLD, OTHER_LINK], 0)
  heartbeat.begin(0)
  assert.deepEqual(begun.splice(0, 2), ['2-IPv4-100', '3-IPv4-100'])
  begun.push('since')
  isFlushed = true
  // The one has overslept and waits anew; the other is to find that out.
  set.step(OTHER, { type: 'Overslept' }, 700)
  heartbeat.beat(700)
  heartbeat.begin(700)
  assert.deepEqual(begun, ['since', '3-IPv4-100'])
})

test('an address that passes from one link to another stays behind the fence, and leaves it with the last of them', () => {
  const elsewhere: AddressChange = { ...HOLD, linkIndex: 3, linkName: 'eth1' }
  const set = new RouterSet()
  set.add(KEY, 2, config(INTERVAL), 0)
  set.step(KEY, { type: 'Startup', unheard: true }, 0)
  const behind = new Set<string>()
  const openFence = (): Fence => ({
    put(fenceClass, addresses) {
      for (const { text } of addresses) behind.add(`${fenceClass} ${text}`)
      return undefined
    },
    remove(fenceClass, addresses) {
      for (const { text } of addresses) behind.delete(`${fenceClass} ${text}`)
      return undefined
    },
    begin: () => undefined,
    renew: () => true,
    end: () => undefined,
    destroy: () => undefined,
    close: () => {},
  })
  const places = { of: () => [HOLD, elsewhere] }
  const routers = new Map([[KEY, { advertisedAt: 0, outbox: [] }]])
  const heartbeat = new Heartbeat({ set, routers, places, openFence, complain: sentence => assert.fail(sentence) })
  heartbeat.open()
  heartbeat.before([HOLD], 0)
  heartbeat.before([elsewhere, { ...HOLD, action: 'release' }], 10)
  heartbeat.after([{ ...HOLD, action: 'release' }])
  assert.deepEqual([...behind], ['2-IPv4-100 10.0.0.100'])
  heartbeat.after([{ ...elsewhere, action: 'release' }])
  assert.deepEqual([...behind], [])
})

interface Stop {
  readonly boundary: number
  readonly length: Millis
}

/** The part of the agent's loop that advertises and beats. */
class Run {
  now: Instant = 0
  boundaries = 0
  /** The first boundary after it became Active. */
  readonly becameActive: number
  /** The longest from an advert to when the address was still answered for, in intervals that a Backup may wait by. */
  latest: Millis = 0
  isMute = false
  /** The shortest interval that a Backup may wait by. */
  waitedFor: Millis
  readonly #set = new RouterSet()
  readonly #router = {
    advertisedAt: undefined as Instant | undefined,
    outbox: [] as Message[],
  }
  readonly #routers = new Map([[KEY, this.#router]])
  readonly #places = new Map([[KEY, [HOLD]]])
  readonly #fence = new VirtualFence(this)
  readonly #heartbeat: Heartbeat
  #stop: Stop | undefined
  #said: Millis[]

  constructor(interval: Millis, stop?: Stop) {
    this.#stop = stop
    this.waitedFor = interval
    this.#said = [interval, interval]
    this.#heartbeat = new Heartbeat({
      set: this.#set,
      routers: this.#routers,
      places: { of: key => this.#places.get(key) ?? [] },
      openFence: () => this.#fence,
      complain: sentence => assert.fail(sentence),
    })
    this.#set.add(KEY, 2, config(interval), this.now)
    this.#set.step(KEY, { type: 'Startup', unheard: true }, this.now)
    this.#heartbeat.open()
    this.#heartbeat.before([HOLD], this.now)
    this.#heartbeat.begin(this.now)
    this.#advertise()
    this.becameActive = this.boundaries
  }

  get lapses(): number {
    return this.#heartbeat.lapses
  }

  get isAnswered(): boolean {
    return this.#fence.isAnswered(this.now)
  }

  reconfigure(interval: Millis): this {
    this.#untilStopped(() => {
      const { messages } = this.#set.reconfigure(KEY, config(interval), this.now)
      for (const _ of messages) this.#advertise()
    })
    return this
  }

  /** Another router becomes Active, and its address is long in coming. */
  join(): void {
    const prefix = parsePrefix('10.0.0.101/32') ?? assert.fail()
    const outbox: Message[] = [{ type: 'Advertise', priority: 100 }]
    this.#routers.set(OTHER, { advertisedAt: undefined, outbox })
    this.#places.set(OTHER, [{ ...HOLD, prefix }])
    this.#set.add(OTHER, 2, { ...config(INTERVAL), virtualRouterID: 2 }, this.now)
    this.#set.step(OTHER, { type: 'Startup', unheard: true }, this.now)
    this.#heartbeat.before([{ ...HOLD, prefix }], this.now)
  }

  until(end: Instant): this {
    this.#untilStopped(() => {
      while (this.now < end) {
        const deadline = this.#active()?.advertisementDeadline ?? Number.POSITIVE_INFINITY
        this.#wake(Math.min(deadline, this.#heartbeat.next() ?? Number.POSITIVE_INFINITY, end))
      }
    })
    return this
  }

  /** Before and after each call. */
  boundary(): void {
    const stop = this.boundaries++ === this.#stop?.boundary ? this.#stop.length : 0
    this.#wait(this.now + CALL + Math.min(stop, LONG))
    if (stop === FOR_GOOD) throw new Stopped()
  }

  #untilStopped(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
    }
  }

  #wake(at: Instant): void {
    this.#wait(Math.max(at, this.now))
    this.boundary()
    if (this.#mayBeReplaced()) this.#oversleep()
    const active = this.#active()
    if (active && active.advertisementDeadline <= this.now) {
      this.#set.step(KEY, { type: 'DeadlineReached' }, this.now)
      this.#advertise()
    }
    if (this.#heartbeat.beat(this.now).length === 0) return
    this.boundary()
    if (this.#mayBeReplaced()) this.#oversleep()
    else this.#heartbeat.begin(this.now)
  }

  #oversleep(): void {
    this.#set.step(KEY, { type: 'Overslept' }, this.now)
    this.#heartbeat.after([{ ...HOLD, action: 'release' }])
  }

  #active() {
    const state = this.#set.get(KEY)?.state
    return state?.name === 'Active' ? state : undefined
  }

  get #interval(): Millis {
    return this.#set.get(KEY)?.config.advertisementInterval ?? 0
  }

  #mayBeReplaced(): boolean {
    return this.#active() !== undefined && this.now - (this.#router.advertisedAt ?? 0) >= 3 * this.#interval
  }

  #advertise(): void {
    if (this.isMute) return
    const at = this.now
    this.#heartbeat.advertising(KEY, at)
    this.boundary()
    this.#heardAt = this.now
    this.#said = [...this.#said.slice(-1), this.#interval]
    this.waitedFor = Math.min(...this.#said)
    this.boundary()
    this.#router.advertisedAt = at
    this.#heartbeat.advertised(KEY, at)
  }

  #heardAt: Instant = 0

  /** Time goes by, and somebody asks all the while. */
  #wait(to: Instant): void {
    const until = this.#fence.answeredUntil(this.now, to)
    if (until > this.now) this.latest = Math.max(this.latest, (until - this.#heardAt) / this.waitedFor)
    this.now = to
  }
}

/** What linux/fence.ts promises. */
class VirtualFence implements Fence {
  readonly #run: Run
  readonly #put = new Map<string, string>()
  readonly #alive = new Map<string, Instant>()

  constructor(run: Run) {
    this.#run = run
  }

  /** The last moment of that time at which the address was answered for. */
  answeredUntil(from: Instant, to: Instant): Instant {
    const classes = [...new Set(this.#put.values())]
    if (classes.length === 0) return from
    return Math.min(to, ...classes.map(name => this.#alive.get(name) ?? from))
  }

  isAnswered(at: Instant): boolean {
    return this.answeredUntil(at, at + CALL) > at
  }

  put(fenceClass: string, addresses: readonly IpAddress[]): undefined {
    this.#do(() => {
      for (const { text } of addresses) this.#put.set(`${fenceClass} ${text}`, fenceClass)
    })
  }

  remove(fenceClass: string, addresses: readonly IpAddress[]): undefined {
    this.#do(() => {
      for (const { text } of addresses) this.#put.delete(`${fenceClass} ${text}`)
    })
  }

  begin(fenceClass: string, lifetime: Millis): undefined {
    this.#do(() => {
      if (!this.#isAlive(fenceClass)) this.#alive.set(fenceClass, this.#run.now + lifetime)
    })
  }

  renew(classes: ReadonlyMap<string, Millis>): boolean {
    let isDone = false
    this.#do(() => {
      isDone = [...classes.keys()].every(name => this.#isAlive(name))
      if (isDone) for (const [name, lifetime] of classes) this.#alive.set(name, this.#run.now + lifetime)
    })
    return isDone
  }

  end(fenceClass: string): undefined {
    this.#do(() => this.#alive.delete(fenceClass))
  }

  destroy(): undefined {}

  close(): void {}

  #isAlive(fenceClass: string): boolean {
    return (this.#alive.get(fenceClass) ?? 0) > this.#run.now
  }

  #do(change: () => void): void {
    this.#run.boundary()
    change()
    this.#run.boundary()
  }
}

function config(advertisementInterval: Millis): VirtualRouterConfig {
  return {
    version: 3,
    family: 'IPv4',
    virtualRouterID: 1,
    priority: 100,
    advertisementInterval,
    preemption: { mode: 'Never' },
    addresses: [PREFIX.address],
    primaryAddress: PREFIX.address,
  }
}
