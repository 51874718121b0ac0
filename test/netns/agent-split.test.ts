/* After a partition, or loss in one direction: who is MASTER, what hosts are told, and when the loser is gone. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { figuresOf } from '../bench/figures.ts'
import { comesTo } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, startAgent } from '../lab/daemons.ts'
import { type Listener, listenOn } from '../lab/frames.ts'
import { type Holders, watchHolders } from '../lab/holders.ts'
import { type LabNode, type Lan, labTime } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const TIMES = 5
const INTERVAL = 200
const ADDRESS = '10.1.0.100'

type Side = 'first' | 'second'

describe('a split', { concurrency: 4 }, () => {
  for (const { how, name, last } of [
    { how: 'and the loser hears of it first', name: 'wins', last: 'second' },
    { how: 'and the winner hears of it first', name: 'loses', last: 'first' },
  ] as const)
    test(`of both directions ends, ${how}: one is MASTER, and the winner announces again, five times`, async t => {
      const split = await Split.open(t, name)
      await split.ends(t, ['first', 'second'], last)
    })

  test('that loses what the lower one is told ends: one is MASTER, and the winner announces again, five times', async t => {
    const split = await Split.open(t, 'deaf')
    await split.ends(t, ['second'], 'second')
  })

  test('that loses what the lower one says makes no MASTER of it, five times: it hears, and is not needed', async t => {
    const split = await Split.open(t, 'mute')
    for (let i = 0; i < TIMES; i++) {
      split.deafen('first')
      await sleep(5 * INTERVAL)
      split.heal()
    }
    await split.isWithFirst()
    assert.equal(split.everHeldBySecond, false)
  })
})

/** node1, of priority 200, is MASTER; node2, of 100, is BACKUP; a host hears what is announced. */
class Split {
  readonly first: AgentDaemon
  readonly second: AgentDaemon
  readonly #lan: Lan
  readonly #holders: Holders
  readonly #listener: Listener
  readonly #deaf = new Set<LabNode>()

  static async open(t: Pick<TestContext, 'after'>, name: string): Promise<Split> {
    const { lan, node } = testLan(t, name)
    const [node1, node2, host] = [node(), node(), node()]
    const file = stream(
      virtualIP('web', {
        addresses: [ADDRESS],
        interface: { name: 'eth0' },
        virtualRouterID: 51,
        priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
        advertisementInterval: `${INTERVAL}ms`,
      }),
    )
    const holders = await watchHolders([node1, node2], ADDRESS)
    t.after(() => holders.close())
    const listener = listenOn(host)
    t.after(() => listener.close())
    const first = startAgent(node1, { file })
    await comesTo(first, 'MASTER')
    const second = startAgent(node2, { file })
    await comesTo(second, 'BACKUP')
    return new Split(lan, first, second, holders, listener)
  }

  private constructor(lan: Lan, first: AgentDaemon, second: AgentDaemon, holders: Holders, listener: Listener) {
    this.#lan = lan
    this.first = first
    this.second = second
    this.#holders = holders
    this.#listener = listener
  }

  get everHeldBySecond(): boolean {
    return this.#holders.changes.some(({ node }) => node === this.second.node.name)
  }

  /** Five times both are MASTER for a while, and then hear each other again: just after an advert of `last`, so that the other one speaks next. */
  async ends(t: Pick<TestContext, 'diagnostic'>, deaf: readonly Side[], last: Side): Promise<void> {
    const took: number[] = []
    for (let i = 0; i < TIMES; i++) {
      for (const side of deaf) this.deafen(side)
      await this.bothHold()
      await sleep(1000)
      await this.#advertises(last)
      const said = this.second.output().length
      const healed = this.heal()
      const gone = await this.isWithFirst()
      took.push(gone - healed)
      await eventually('it is said why', () => /web: handed over.*\n/.test(this.second.output().slice(said)))
      // Regular adverts ended 50 ms before: this is its last word.
      if (this.second.output().slice(said).includes('not heard to announce')) await this.#speaks('second', gone - 20)
      await this.#firstAnnouncesAgain(healed)
    }
    const { n, median, max } = figuresOf(took)
    t.diagnostic(`the loser's address is gone ${median.toFixed(0)} (median), ${max.toFixed(0)} (max) ms after (n=${n})`)
  }

  /** It is heard, and does not hear. */
  deafen(side: Side): void {
    this.#lan.cut(this[side].node, 'ToNode')
    this.#deaf.add(this[side].node)
  }

  /** Returns when, in labTime. */
  heal(): number {
    for (const node of this.#deaf) this.#lan.uncut(node)
    this.#deaf.clear()
    return labTime()
  }

  /** Waits for its next advert. */
  async #advertises(side: Side): Promise<void> {
    const { heard } = this.#listener
    const from = heard.length
    await eventually(`the ${side} advertises`, () => heard.includes(advertOf(side), from), {
      daemons: [this.first, this.second],
    })
  }

  async #speaks(side: Side, since: number): Promise<void> {
    const { heard, times } = this.#listener
    const isIt = (line: string, i: number) => line === advertOf(side) && (times[i] ?? 0) >= since
    await eventually(`the ${side} has a last word`, () => heard.some(isIt), { daemons: [this.first, this.second] })
  }

  async bothHold(): Promise<void> {
    await eventually('both have it', () => this.#holders.now.length === 2, { daemons: [this.first, this.second] })
  }

  /** Waits until the first node alone has it; since when, in labTime. */
  async isWithFirst(): Promise<number> {
    const isSo = () => this.#holders.now.join() === this.first.node.name
    await eventually('the first alone has it', isSo, { daemons: [this.first, this.second] })
    return this.#holders.changes.at(-1)?.at ?? Number.NaN
  }

  /** Hosts were told since, and the last word is the winner's. One that was to be repeated just then is as good as one that the loser asks for. */
  async #firstAnnouncesAgain(since: number): Promise<void> {
    const { heard, times } = this.#listener
    const announced = () => heard.filter((line, i) => (times[i] ?? 0) >= since && line.startsWith(`${ADDRESS} is at`))
    const own = `${ADDRESS} is at ${this.first.node.mac}`
    const isSo = () => announced().at(-1) === own
    await eventually('the winner announces', isSo, { daemons: [this.first, this.second] })
  }
}

function advertOf(side: Side): string {
  return side === 'first' ? 'advert 51 priority 200 from 10.1.0.1' : 'advert 51 priority 100 from 10.1.0.2'
}
