import { readFileSync } from 'node:fs'

export interface Mutant {
  readonly name: string
  /** In src; `from` is there once. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The source with the fault. Throws where the source is not what it was. */
export function sourceOf({ name, file, from, to }: Mutant): string {
  const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  if (source.split(from).length !== 2) throw new Error(`Mutant "${name}": "${from}" must be once in src/${file}`)
  return source.replace(from, () => to)
}

/** One fault each, in the engine and in the agent's loop. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a Backup waits for two intervals',
    file: 'vrrp/timers.ts',
    from: 'return 3 * interval + skewTime',
    to: 'return 2 * interval + skewTime',
  },
  { name: 'no Skew_Time', file: 'vrrp/timers.ts', from: '((256 - priority) *', to: '(0 *' },
  { name: 'the lowest waits the shortest', file: 'vrrp/timers.ts', from: '((256 - priority) *', to: '(priority *' },
  {
    name: 'an Active Router yields to a lower one',
    file: 'vrrp/virtual-router.ts',
    from: 'if (higher > 0 || (',
    to: 'if (higher < 0 || (',
  },
  {
    name: 'an Active Router yields to nobody',
    file: 'vrrp/virtual-router.ts',
    from: 'if (higher > 0 || (',
    to: 'if (higher > 255 || (',
  },
  {
    name: 'who becomes Active does not announce',
    file: 'vrrp/virtual-router.ts',
    from: "    state: { name: 'Active', since: now, advertisementDeadline, assertedAt: undefined },\n    messages: advertiseAndAnnounce(config),",
    to: "    state: { name: 'Active', since: now, advertisementDeadline, assertedAt: undefined },\n    messages: [{ type: 'Advertise', priority: config.priority }],",
  },
  {
    name: 'adverts at half the pace',
    file: 'vrrp/virtual-router.ts',
    from: 'const next = state.advertisementDeadline + advertisementInterval\n',
    to: 'const next = state.advertisementDeadline + 2 * advertisementInterval\n',
  },
  {
    name: 'who overslept stays Active',
    file: 'vrrp/virtual-router.ts',
    from: "      return becomeBackup(config, state, 'Overslept', config.advertisementInterval, undefined, undefined, now)",
    to: '      return stay(state)',
  },
  {
    name: 'a successor that announces is not waited for',
    file: 'vrrp/handover.ts',
    from: "  return until(now, Math.min(handover, activeDownInterval(version, RELEASE, advertisementInterval)), 'Nobody')",
    to: "  return until(now, Math.min(handover, 1), 'Nobody')",
  },
  {
    name: 'an announcement does not end a handover',
    file: 'vrrp/virtual-router.ts',
    from: 'return state.handover ? { ...state, handover: announced(state.handover, now) } : state',
    to: 'return state',
  },
  {
    name: 'a handover has no end',
    file: 'vrrp/virtual-router.ts',
    from: 'if (!handover || now < handover.until) return stay(state)',
    to: 'return stay(state)',
  },
  {
    name: 'a repeated advert is not stepped',
    file: 'vrrp/router-set.ts',
    from: '    this.#store(router, step(router.config, router.state, follows, heardAgainAt), heardAgainAt)',
    to: '',
  },
  {
    name: 'a nearer deadline is not noticed',
    file: 'vrrp/router-set.ts',
    from: '    if (due < this.#bound) this.#bound = due\n',
    to: '    if (this.#bound === Infinity) this.#bound = due\n',
  },
  {
    name: 'a preemption delay never ends',
    file: 'vrrp/backup-wait.ts',
    from: 'return preemptAt === undefined ? activeDownDeadline : Math.min(activeDownDeadline, preemptAt)',
    to: 'return activeDownDeadline',
  },
  {
    name: 'one of a group takes over without the others',
    file: 'vrrp/groups.ts',
    from: "return state?.name === 'Backup' ? backupDeadline(state) : Number.NEGATIVE_INFINITY",
    to: 'return state ? Number.NEGATIVE_INFINITY : 0',
  },
  {
    name: 'a FAULT of one of a group is that of one',
    file: 'agent/membership.ts',
    from: 'const ofGroup = faults.get(groupOf(desired.spec))',
    to: 'const ofGroup = own',
  },
  {
    name: 'the fence is alive for three intervals',
    file: 'agent/heartbeat.ts',
    from: 'Math.max(SHORTEST, intervalOf(fenceClass) - TICKS)',
    to: 'Math.max(SHORTEST, 3 * intervalOf(fenceClass))',
  },
  {
    name: 'the fence is kept open without adverts',
    file: 'agent/heartbeat.ts',
    from: '.filter(fenceClass => !overdue.has(fenceClass))',
    to: '.filter(() => overdue.size >= 0)',
  },
  {
    name: 'a refused renewal is not noticed',
    file: 'agent/heartbeat.ts',
    from: 'if (result !== false) return []',
    to: 'if (result !== undefined) return []',
  },
  {
    name: 'addresses are not put behind the fence',
    file: 'agent/heartbeat.ts',
    from: '    this.#put(placed)\n    if (placed.length > 0)',
    to: '    if (placed.length > 0)',
  },
  {
    name: 'the fence is not told again',
    file: 'agent/heartbeat.ts',
    from: '    this.#put([...this.#placed.values()])\n    this.#tellAt',
    to: '    this.#tellAt',
  },
  {
    name: 'a class of the fence is never alive',
    file: 'agent/heartbeat.ts',
    from: 'const error = this.#fence.begin(fenceClass, lifetimeOf(fenceClass))',
    to: 'const error = this.#fence.end(fenceClass)',
  },
  {
    name: 'a deadline is believed before the sockets are read',
    file: 'agent/loop.ts',
    from: '      this.#sockets.drainAll()\n      const due = this.#turns.take(',
    to: '      const due = this.#turns.take(',
  },
  {
    name: 'what is due is decided after the sockets were read',
    file: 'agent/loop.ts',
    from: '      const at = this.#clock.now()\n      this.#sockets.drainAll()\n      const due',
    to: '      this.#sockets.drainAll()\n      const at = this.#clock.now()\n      const due',
  },
  {
    name: 'sleep is not noticed',
    file: 'agent/wakefulness.ts',
    from: 'return at - spokeAt >= 3 * advertisementInterval',
    to: 'return at - spokeAt >= 1e9',
  },
  {
    name: 'who stands still before an advert sends it all the same',
    file: 'agent/output.ts',
    from: '      this.#parts.noticeStandstill(at)\n',
    to: '',
  },
  {
    name: 'a suspended machine is not noticed',
    file: 'agent/wakefulness.ts',
    from: '    if (length < SUSPENDED) return false\n',
    to: '    if (length > 0) return false\n',
  },
  {
    name: 'the loop wakes for protocol deadlines only',
    file: 'agent/loop.ts',
    from: '      this.#output.next(),\n      this.#heartbeat.next(),\n',
    to: '',
  },
  {
    name: 'adverts do not wait for addresses',
    file: 'agent/output.ts',
    from: 'if (this.#waiting.has(key) || router.outbox.length > 0) router.keepForLater(messages)',
    to: 'if (router.outbox.length > 0) router.keepForLater(messages)',
  },
  {
    name: 'addresses are not renewed',
    file: 'agent/held-addresses.ts',
    from: '    void addresses.renew(heldAddresses(wanted, links.links, this.#isOurs))\n',
    to: '',
  },
  {
    name: 'addresses of others are released',
    file: 'linux/address-changes.ts',
    from: 'if (isOurs(link, address) && !isWanted(',
    to: 'if (!isWanted(',
  },
  {
    name: 'announcements of others are not heard',
    file: 'agent/loop.ts',
    from: "          this.#step(key, { type: 'Announced' })\n",
    to: '',
  },
  {
    name: 'what is withdrawn is not released',
    file: 'agent/output.ts',
    from: 'if (holdsAddresses(before) !== holdsAddresses(after)) this.expect(key)',
    to: 'if (holdsAddresses(after)) this.expect(key)',
  },
  {
    name: 'a change that users see is not told',
    file: 'agent/loop.ts',
    from: '          router.tookOver(before, unansweredBefore(observation, before, running.config, this.#clock.now()))\n        this.#statusDirty = true\n',
    to: '          router.tookOver(before, unansweredBefore(observation, before, running.config, this.#clock.now()))\n',
  },
]
