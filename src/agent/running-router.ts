import type { Authentication } from '../api/authentication.ts'
import { PASSWORD_KEY } from '../api/names.ts'
import type { RouterStateName } from '../api/virtual-ip.ts'
import type { Observation, Takeover, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { CheckResult } from '../checks/repeat.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { SyscallError } from '../linux/syscall-error.ts'
import { RouterCounters } from '../telemetry/counters.ts'
import type { SimplePassword } from '../vrrp/advertisement.ts'
import type { Message, RouterState, VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { simplePassword } from '../wire/simple-password.ts'
import { VRRP_GROUP } from '../wire/vrrp.ts'
import { checkKey, type DesiredRouter, type Fault } from './desired-routers.ts'
import { HmacAuthentication } from './hmac-authentication.ts'
import { hmacKeys } from './hmac-keys.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Transitioned } from './notify.ts'
import { type Passwords, secretTrouble, secretValue } from './passwords.ts'
import { AdvertisementBytes, type AdvertisementCopy } from './transmit.ts'

/** What users see of a router, and since when. */
interface Shown {
  readonly state: RouterStateName
  readonly since: string
  readonly reason: string
  readonly message: string | undefined
}

/** What an agent keeps of one virtual router beside its protocol state. */
export class RunningRouter {
  desired: DesiredRouter
  readonly counters = new RouterCounters()
  readonly #clock: MachineClock
  readonly #bytes = new AdvertisementBytes()
  authentication: SimplePassword | HmacAuthentication | undefined
  /** What is wrong with its keys, though it runs on with those it had. */
  keyTrouble: Observation | undefined
  /** Kept while it is another authentication that is asked for: what was heard and sent counts on. */
  #hmac: HmacAuthentication | undefined
  /** Why it can't take part, by the kernel's word; tried again at `until`. */
  refusal: (Fault & { readonly until: Instant }) | undefined
  /** Since when its link has no address to send adverts from, if it runs on all the same. */
  withoutSourceSince: Instant | undefined
  /** No longer asked for: it is gone as soon as its addresses are handed over. */
  isLeaving = false
  /** Messages that wait until the held addresses are true. */
  outbox: Message[] = []
  /** When its last advert, but for Priority 0, was given to the kernel. */
  advertisedAt: Instant | undefined
  /** VRIDs that it has run with: a VRID is new once. */
  readonly startedWith = new Set<number>()
  /** Who said last that it leaves. */
  leaver: IpAddress | undefined
  /** What its last advert was sent from: whom others follow until they notice that it is silent. */
  #sentFrom: string | undefined
  /** How it became MASTER the last time. */
  #lastTakeover: Takeover | undefined
  shown: Shown
  readonly #transitioned: (transitioned: Transitioned) => void

  constructor(
    desired: DesiredRouter,
    clock: MachineClock,
    transitioned: (transitioned: Transitioned) => void = () => {},
  ) {
    this.desired = desired
    this.#clock = clock
    this.#transitioned = transitioned
    const since = new Date(clock.wallClock()).toISOString()
    this.shown = { state: 'INITIALIZE', since, reason: 'Startup', message: undefined }
  }

  /** True where the state is another one than before. */
  show(state: RouterStateName, reason: string, message: string | undefined): boolean {
    const at = new Date(this.#clock.wallClock())
    const before = this.shown
    const changed = state !== before.state
    this.shown = { state, since: changed ? at.toISOString() : before.since, reason, message }
    if (!changed) return false
    this.counters.transition(before.state, state, reason, at)
    const { spec } = this.desired
    this.#transitioned({ virtualIP: spec.virtualIP, family: spec.family, state, reason, priority: this.priority })
    return true
  }

  /** Effective: the weights of checks are in it, where it takes part. */
  get priority(): number {
    const { spec, outcome } = this.desired
    return 'fault' in outcome ? spec.priority : outcome.config.priority
  }

  /** It has just become MASTER, after being in state `before`: for a while nobody may have answered. */
  tookOver(before: RouterState, unanswered: Millis | undefined): void {
    const { since: time, reason, message = '' } = this.shown
    const heard = before.name === 'Backup' ? before.active?.address : undefined
    const former = reason === 'PriorityZeroReceived' ? this.leaver : heard
    this.#lastTakeover = {
      time,
      reason,
      message,
      ...(former && { formerAddress: former.text }),
      ...(unanswered !== undefined && { unansweredMillis: unanswered }),
    }
  }

  /** Its advert with this priority, for each of those whom it is for. */
  advertisement(config: VirtualRouterConfig, priority: number): readonly AdvertisementCopy[] {
    const { primaryAddress: source, family } = config
    this.#sentFrom = source.text
    const { authentication } = this
    if (authentication?.type !== 'HMAC') {
      return this.#bytes.of(config, priority, this.desired.spec.checksum, authentication)
    }
    const copies = this.#bytes.of(config, priority, this.desired.spec.checksum, undefined)
    const signed = authentication.sign(
      copies.map(({ bytes: message, to }) => ({
        message,
        path: { source, destination: to?.address ?? VRRP_GROUP[family] },
      })),
    )
    return copies.map((copy, i) => ({ ...copy, bytes: signed[i] ?? copy.bytes }))
  }

  /** Said once, and as it is by then, however often it was to be said while it waited. */
  keepForLater(messages: readonly Message[]): void {
    for (const message of messages) {
      this.outbox = [...this.outbox.filter(({ type }) => type !== message.type), message]
    }
  }

  takeOutbox(): readonly Message[] {
    const messages = this.outbox
    this.outbox = []
    return messages
  }

  /**
   * Takes the password or the keys that the spec names, or gives why there are none. 'Changed': what was heard and made with the old ones is void.
   */
  authenticate(passwords: Passwords): Fault | 'Changed' | 'Same' {
    const { authentication } = this.desired.spec
    if (authentication?.type === 'HMAC') return this.#takeKeys(authentication, passwords)
    const before = this.authentication
    if (!authentication) {
      this.keyTrouble = undefined
      this.authentication = undefined
      return before ? 'Changed' : 'Same'
    }
    const { name, key = PASSWORD_KEY } = authentication.secretRef
    const value = secretValue(name, key, passwords)
    if (!(value instanceof Uint8Array)) {
      this.keyTrouble = undefined
      return value
    }
    this.#noteKeyTrouble(secretTrouble(name, key, passwords))
    const password = simplePassword(new TextDecoder().decode(value))
    if (before?.type === 'PASS' && before.password.every((byte, i) => byte === password[i])) return 'Same'
    this.authentication = { type: 'PASS', password }
    return 'Changed'
  }

  #takeKeys(authentication: Authentication, passwords: Passwords): Fault | 'Changed' | 'Same' {
    const taken = hmacKeys(authentication, passwords, this.#hmac?.keys)
    if ('fault' in taken) return taken.fault
    this.#noteKeyTrouble(taken.trouble)
    const before = this.authentication
    const hadOthers = this.#hmac?.change(taken.keys) ?? true
    this.#hmac ??= new HmacAuthentication(taken.keys, this.#clock)
    this.authentication = this.#hmac
    return hadOthers || before !== this.#hmac ? 'Changed' : 'Same'
  }

  #noteKeyTrouble(trouble: Fault | undefined): void {
    const had = this.keyTrouble
    const isSame = had?.reason === trouble?.reason && had?.message === trouble?.message
    if (!isSame) this.keyTrouble = trouble && { ...trouble, since: new Date(this.#clock.wallClock()).toISOString() }
  }

  status(state: RouterState | undefined, resultOf: (checkKey: string) => CheckResult | undefined): VirtualRouterStatus {
    const { key, spec, outcome } = this.desired
    const { message, ...shown } = this.shown
    const primaryAddress = 'fault' in outcome ? this.#sentFrom : outcome.config.primaryAddress.text
    const checks = (spec.checks ?? []).flatMap(check => {
      const result = resultOf(checkKey(key, check))
      return result ? [{ name: check.name, ...result }] : []
    })
    return {
      virtualIP: spec.virtualIP,
      family: spec.family,
      link: spec.link,
      virtualRouterID: spec.virtualRouterID,
      priority: this.priority,
      ...shown,
      ...(message === undefined ? {} : { message }),
      ...(primaryAddress === undefined ? {} : { primaryAddress }),
      ...(state?.name === 'Backup' && state.active
        ? { activeAddress: state.active.address.text, activePriority: state.active.priority }
        : {}),
      ...(this.#lastTakeover ? { lastTakeover: this.#lastTakeover } : {}),
      ...(checks.length > 0 ? { checks } : {}),
    }
  }
}

/** A firewall of this node refuses its adverts. */
export function sendRefused({ message }: SyscallError, { desired: { spec } }: RunningRouter): Fault {
  return {
    reason: 'SendRefused',
    message: `${message}: allow IP protocol 112 out of ${spec.link} in this node's firewall`,
  }
}
