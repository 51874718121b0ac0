import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { runWorkers, type Schedule, WorkQueue } from '../../src/kube/work-queue.ts'

/** Timers that go off when the test says so. */
function fakeTimers() {
  const timers = new Map<() => void, number>()
  const schedule: Schedule = (delay, then) => {
    timers.set(then, delay)
    return () => timers.delete(then)
  }
  const delays = () => [...timers.values()]
  const fire = () => {
    const due = [...timers.keys()]
    timers.clear()
    for (const then of due) then()
  }
  return { schedule, delays, fire }
}

suite('a work queue', () => {
  test('hands a key out once however often it was added, in order', async () => {
    const queue = new WorkQueue()
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    assert.equal(queue.length, 3)
    assert.deepEqual([await queue.take(), await queue.take(), await queue.take()], ['a', 'b', 'c'])
  })

  test('never lets two work on one key, and hands it out again if it was added meanwhile', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    assert.equal(await queue.take(), 'a')
    queue.add('a')
    queue.add('a')
    queue.add('b')
    assert.equal(await queue.take(), 'b')
    const next = queue.take()
    queue.done('a')
    assert.equal(await next, 'a')
    queue.done('a')
    assert.equal(queue.has('a'), false)
  })

  test('wakes who waits', async () => {
    const queue = new WorkQueue()
    const first = queue.take()
    const second = queue.take()
    queue.add('a')
    queue.add('b')
    assert.deepEqual(await Promise.all([first, second]), ['a', 'b'])
  })

  test('puts a failing key off twice as long each time, up to a limit, until it is forgotten', () => {
    const timers = fakeTimers()
    const queue = new WorkQueue({ first: 5, last: 30 }, timers.schedule)
    const delays: number[] = []
    for (let i = 0; i < 5; i++) {
      queue.addRateLimited('a')
      delays.push(...timers.delays())
      timers.fire()
      queue.take()
      queue.done('a')
    }
    assert.deepEqual(delays, [5, 10, 20, 30, 30])
    queue.forget('a')
    queue.addRateLimited('a')
    assert.deepEqual(timers.delays(), [5])
  })

  test('leaves the API server alone for as long as it asked', () => {
    const timers = fakeTimers()
    const queue = new WorkQueue({ first: 5, last: 30 }, timers.schedule)
    queue.addRateLimited('a', 7000)
    assert.deepEqual(timers.delays(), [7000])
  })

  test('a key that is put off and then added comes now, and once', async () => {
    const timers = fakeTimers()
    const queue = new WorkQueue({ first: 5, last: 30 }, timers.schedule)
    queue.addRateLimited('a')
    assert.equal(queue.length, 0)
    assert.equal(queue.has('a'), true)
    queue.add('a')
    assert.deepEqual(timers.delays(), [])
    assert.equal(await queue.take(), 'a')
    queue.done('a')
    assert.equal(queue.has('a'), false)
  })

  test('once closed: ends who waits, drops what waits, takes nothing more', async () => {
    const timers = fakeTimers()
    const queue = new WorkQueue({ first: 5, last: 30 }, timers.schedule)
    const waiting = queue.take()
    queue.addRateLimited('a')
    queue.close()
    queue.add('b')
    assert.equal(await waiting, undefined)
    assert.equal(await queue.take(), undefined)
    assert.equal(queue.length, 0)
    assert.deepEqual(timers.delays(), [])
  })
})

suite('workers', () => {
  test('work on different keys side by side and on one key one after the other', async () => {
    const queue = new WorkQueue()
    const story: string[] = []
    const release = new Map<string, () => void>()
    const working = runWorkers(queue, 2, async key => {
      story.push(`begin ${key}`)
      await new Promise<void>(resolve => release.set(key, resolve))
      story.push(`end ${key}`)
    })
    queue.add('a')
    queue.add('b')
    queue.add('c')
    await settled()
    queue.add('a')
    assert.deepEqual(story, ['begin a', 'begin b'])
    release.get('a')?.()
    await settled()
    assert.deepEqual(story.slice(2), ['end a', 'begin c'])
    release.get('b')?.()
    await settled()
    assert.deepEqual(story.slice(4), ['end b', 'begin a'])
    queue.close()
    for (const end of release.values()) end()
    await working
  })

  test('a mistake in the work ends them: it is not retried for ever', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    await assert.rejects(
      runWorkers(queue, 1, async () => {
        throw new TypeError('a mistake')
      }),
      /a mistake/,
    )
  })
})

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
}
