import { setTimeout as sleep } from 'node:timers/promises'
import { transitions } from './agent-view.ts'
import type { Crowd } from './crowd.ts'
import type { Daemon } from './daemons.ts'
import { unansweredTimes } from './takeovers.ts'

/** How often virtual routers became MASTER on a node, and BACKUP. */
export interface Transitions {
  readonly toMaster: number
  readonly toBackup: number
}

/** The node that was MASTER of all is killed, and comes back. */
export interface KilledAndBack {
  /** From the last advert of each virtual router to the first answer of its successor, in ms. */
  readonly unanswered: readonly number[]
  /** Of the node that came back, since it was started. */
  readonly returned: Transitions
  /** Of the other one, since the kill. */
  readonly other: Transitions
}

/** What happens to all virtual routers of a crowd at once. Begins with two agents started at the same moment. */
export class Storm {
  readonly #crowd: Crowd
  readonly #interval: number
  #first: Daemon
  #second: Daemon

  /** `interval`: of adverts, in ms. */
  static async begin(crowd: Crowd, interval: number): Promise<Storm> {
    const storm = new Storm(crowd, interval)
    await storm.#isOver()
    return storm
  }

  private constructor(crowd: Crowd, interval: number) {
    this.#crowd = crowd
    this.#interval = interval
    this.#second = crowd.start(crowd.second)
    this.#first = crowd.start(crowd.first)
  }

  /** Of the two nodes since they were started last. */
  get transitions(): readonly [Transitions, Transitions] {
    return [countsOf(this.#first), countsOf(this.#second)]
  }

  async killAndReturn(): Promise<KilledAndBack> {
    const before = countsOf(this.#second)
    this.#first.kill('SIGKILL')
    await this.#first.ended
    const unanswered = unansweredTimes(await this.#crowd.isWith(this.#crowd.second))
    this.#first = this.#crowd.start(this.#crowd.first)
    await this.#isOver()
    const [returned, after] = this.transitions
    const other = { toMaster: after.toMaster - before.toMaster, toBackup: after.toBackup - before.toBackup }
    return { unanswered, returned, other }
  }

  /** Exit statuses. */
  end(): Promise<(number | null)[]> {
    return Promise.all([this.#second.stop(), this.#first.stop()])
  }

  /** All are with the first node, and for as long as anybody waits nothing else comes of it: what an agent does is seen before it is told. */
  async #isOver(): Promise<void> {
    await this.#crowd.isWith(this.#crowd.first)
    for (let told = '', next = this.#told(); told !== next; next = this.#told()) {
      told = next
      await sleep(4 * this.#interval)
    }
  }

  #told(): string {
    return JSON.stringify(this.transitions)
  }
}

function countsOf(agent: Daemon): Transitions {
  const lines = transitions(agent)
  const to = (state: string) => lines.filter(line => line.includes(` -> ${state}:`)).length
  return { toMaster: to('MASTER'), toBackup: to('BACKUP') }
}
