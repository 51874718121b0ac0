/* Counts what the engines of all simulated agents are told, and tells each agent's listener what came of it. */
import type { Instant } from '../../src/lib/time.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import { deadline, type Step, type VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

export interface EngineListener {
  configured(key: string, config: VirtualRouterConfig): void
  /** `due`: its deadline before. */
  stepped(key: string, step: Step, due: Instant | undefined): void
  removed(key: string): void
}

class EngineTap {
  steps = 0
  /** The agent whose code runs. */
  current: EngineListener | undefined
}

export const engineTap = new EngineTap()

const { add, remove, step, reconfigure, repetition } = RouterSet.prototype

RouterSet.prototype.add = function (key, link, config, now) {
  add.call(this, key, link, config, now)
  engineTap.current?.configured(key, config)
}
RouterSet.prototype.remove = function (key) {
  remove.call(this, key)
  engineTap.current?.removed(key)
}
RouterSet.prototype.step = function (key, event, now) {
  engineTap.steps++
  const before = event.type === 'DeadlineReached' ? this.get(key) : undefined
  const due = before && deadline(before.state)
  const result = step.call(this, key, event, now)
  engineTap.current?.stepped(key, result, due)
  return result
}
RouterSet.prototype.reconfigure = function (key, config, now) {
  engineTap.steps++
  const result = reconfigure.call(this, key, config, now)
  engineTap.current?.configured(key, config)
  engineTap.current?.stepped(key, result, undefined)
  return result
}
RouterSet.prototype.repetition = function (key) {
  const again = repetition.call(this, key)
  return (
    again &&
    ((now: Instant) => {
      const isTaken = again(now)
      if (isTaken) engineTap.steps++
      return isTaken
    })
  )
}
