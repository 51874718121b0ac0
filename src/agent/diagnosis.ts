import type { Observation as Observed } from '../api/virtual-ip-node.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { HeardAnnouncement } from '../linux/announcement-socket.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { LinkTable } from '../linux/links.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { Advertisement } from '../vrrp/advertisement.ts'
import { backupDeadline } from '../vrrp/backup-wait.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import type { Observation, RouterState, VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { AddressProbes } from './address-probes.ts'
import { Observations } from './observations.ts'
import { oddAdvert, sameAddressOtherRouter } from './odd-adverts.ts'
import { keyOfPlace, type Places, placeKey } from './places.ts'
import type { Refusal } from './reception.ts'
import { probe } from './transmit.ts'

interface DiagnosisParts {
  readonly set: RouterSet
  readonly places: Places
  readonly links: LinkTable
  readonly frames: FrameSocket
  /** What is observed is not what it was. */
  readonly changed: () => void
}

/** Two pieces of evidence this far apart are no passing state of a configuration that changes. */
const PASSES_WITHIN: Millis = 1000
/** For so many intervals one router of a group may be waited for by the others: its adverts are lost, or it is one that preempts later. */
const GROUP_WAITS = 8
/** Without evidence for so many intervals, and this long, it is over. */
const [INTERVALS, LEAST] = [4, 3000]
/** How often it is looked what is over. */
const FORGET_EVERY: Millis = 500
/** What only a MASTER can know. */
const OF_A_MASTER: ReadonlySet<string> = new Set(['OtherMaster', 'AddressClaimed'])
const OF_A_BACKUP: ReadonlySet<string> = new Set(['GroupWaits'])

/** Gathers what this node itself can tell of what is wrong around its virtual routers: by what it hears, and by asking who else has its addresses. */
export class Diagnosis {
  readonly #parts: DiagnosisParts
  readonly #observations = new Observations()
  readonly #probes = new AddressProbes()
  /** By link and address; undefined: to be made anew. */
  #owners: Map<string, string> | undefined
  #forgetAt: Instant | undefined
  /** What is so for all routers of this node, until the agent ends. */
  readonly #ofThisNode: Observed[] = []

  constructor(parts: DiagnosisParts) {
    this.#parts = parts
  }

  /** When to call `wake`. */
  next(): Instant | undefined {
    const probeAt = this.#probes.next()
    if (probeAt === undefined || this.#forgetAt === undefined) return probeAt ?? this.#forgetAt
    return Math.min(probeAt, this.#forgetAt)
  }

  wake(now: Instant): void {
    const key = this.#probes.take(now)
    if (key !== undefined) this.#probe(key)
    if (this.#forgetAt === undefined || this.#forgetAt > now) return
    if (this.#observations.forgetOld(now)) this.#parts.changed()
    this.#forgetAt = this.#observations.isEmpty ? undefined : now + FORGET_EVERY
  }

  of(key: string): Observed[] {
    return [...this.#observations.of(key), ...this.#ofThisNode]
  }

  /** The kernel can't be told to be silent should this agent stop. */
  unfenced({ message }: SyscallError): void {
    const todo =
      'load the kernel module nf_tables (modprobe nf_tables), or use a kernel that has it, then restart the agent'
    this.#ofThisNode.push({
      reason: 'FenceMissing',
      message: `${message}: should the agent be killed or stand still, two nodes answer for some seconds; ${todo}`,
      since: new Date().toISOString(),
    })
    this.#parts.changed()
  }

  /** A step led from one state to the other. */
  stepped(key: string, before: RouterState, after: RouterState, now: Instant): void {
    if (before.name === after.name) return
    if (after.name === 'Active') {
      this.#probes.begin(key, this.#parts.places.of(key).length, now)
      if (this.#observations.forget(key, OF_A_BACKUP)) this.#parts.changed()
      return
    }
    this.#probes.end(key)
    if (this.#observations.forget(key, after.name === 'Initialize' ? undefined : OF_A_MASTER)) this.#parts.changed()
  }

  /** Which routers there are, or their addresses, is not what it was. */
  routersChanged(): void {
    this.#owners = undefined
  }

  observed(key: string, observation: Observation, now: Instant): void {
    const config = this.#parts.set.get(key)?.config
    if (!config) return
    switch (observation.type) {
      case 'LosingAdvertisement': {
        const { source, priority } = observation
        const message = `${source.text} (priority ${priority}) goes on as MASTER, though this node (priority ${config.priority}) is: it does not hear this node, or does not believe it; let IP protocol 112 through from this node to it, and give both the same version, authentication and advertisementInterval`
        this.#note(key, 'OtherMaster', message, source.text, config, now, 2 * config.advertisementInterval)
        return
      }
      case 'IntervalMismatch':
      case 'AddressListMismatch':
      case 'VersionMismatch':
      case 'OwnAddressHeard': {
        const message = oddAdvert(observation, config)
        const heard = observation.type === 'IntervalMismatch' ? observation.heard : 0
        if (message) this.#note(key, observation.type, message, observation.source.text, config, now, 0, heard)
        return
      }
      case 'Transition':
      case 'HandedOver':
      case 'PriorityZeroReceived':
        return
    }
  }

  /** It would take over, and waits for one of those which it changes state with. */
  heldBack(key: string, mates: readonly string[], now: Instant): void {
    const { set } = this.#parts
    const own = set.get(key)
    if (own?.state.name !== 'Backup' || own.state.takeoverReason === 'Preempted') return
    for (const mate of mates) {
      const { state } = set.get(mate) ?? {}
      if (state?.name !== 'Backup' || !state.active || backupDeadline(state) <= now) continue
      const { address, priority } = state.active
      const message = `no MASTER is heard, and this node does not take over, for ${mate}, which it changes state with, follows ${address.text} (priority ${priority}): see that the adverts of both reach this node, and that one router serves both; of the families of one VirtualIP, else set families: Separate`
      const { config } = own
      this.#note(key, 'GroupWaits', message, address.text, config, now, GROUP_WAITS * config.advertisementInterval)
      return
    }
  }

  /** An advert for this router was refused. */
  refused(key: string, refusal: Refusal, source: IpAddress, now: Instant): void {
    const config = this.#parts.set.get(key)?.config
    if (!config) return
    const { reason, message } = refusedAdvert(refusal, source)
    this.#note(key, reason, message, source.text, config, now)
  }

  /** An advert for this router is believed, and would not be if all that its authentication can ask were asked. */
  doubted(key: string, doubt: Refusal, source: IpAddress, now: Instant): void {
    const config = this.#parts.set.get(key)?.config
    if (!config) return
    const { reason, message } = refusedAdvert(doubt, source, 'would be refused with mode Enforce')
    this.#note(key, reason, message, source.text, config, now)
  }

  /** An advert of a virtual router that this node does not run, on that link. */
  heardOther(link: number, advertisement: Advertisement, source: IpAddress, now: Instant): void {
    for (const address of advertisement.addresses) {
      const key = this.#owner(link, address)
      const config = key === undefined ? undefined : this.#parts.set.get(key)?.config
      const message = config && sameAddressOtherRouter(advertisement, source, config)
      if (key === undefined || !config || !message) continue
      this.#note(key, 'SameAddressOtherVRID', message, source.text, config, now, 0, advertisement.interval)
      return
    }
  }

  /** Another host says that it has an address. */
  announced({ linkIndex, address, mac }: HeardAnnouncement, now: Instant): void {
    const key = this.#owner(linkIndex, address)
    const router = key === undefined ? undefined : this.#parts.set.get(key)
    if (key === undefined || router?.state.name !== 'Active') return
    const source = Array.from(mac, byte => byte.toString(16).padStart(2, '0')).join(':')
    const how = address.family === 'IPv4' ? 'ARP' : 'Neighbor Discovery'
    const message = `${source} answers ${how} for ${address.text} too, which this node holds: take the address from that host, or choose one that nobody has`
    // keepalived as MASTER sends no more while it refuses our adverts: that it still answers proves what its last advert has told.
    if (this.#observations.confirm(key, INTERVALS * this.#probes.round, now)) this.#parts.changed()
    this.#note(key, 'AddressClaimed', message, source, router.config, now, 0, this.#probes.round)
  }

  #note(
    key: string,
    reason: string,
    message: string,
    source: string,
    { advertisementInterval }: VirtualRouterConfig,
    now: Instant,
    passesWithin: Millis = 0,
    interval: Millis = 0,
  ): void {
    const evidence = {
      reason,
      message,
      source,
      passesWithin: Math.max(PASSES_WITHIN, passesWithin),
      lasts: Math.max(LEAST, INTERVALS * Math.max(advertisementInterval, interval)),
    }
    if (this.#observations.note(key, evidence, now)) this.#parts.changed()
    this.#forgetAt ??= now + FORGET_EVERY
  }

  /** The router of this node that serves an address on that link. */
  #owner(link: number, address: IpAddress): string | undefined {
    this.#owners ??= this.#allOwners()
    return this.#owners.get(placeKey(link, address))
  }

  #allOwners(): Map<string, string> {
    const owners = new Map<string, string>()
    for (const key of this.#parts.set.keys()) {
      for (const place of this.#parts.places.of(key)) owners.set(keyOfPlace(place), key)
    }
    return owners
  }

  #probe(key: string): void {
    const { places, links, frames } = this.#parts
    try {
      for (const { linkIndex, prefix } of places.of(key)) {
        const link = links.links.get(linkIndex)
        if (link) probe(frames, link, prefix.address)
      }
    } catch (error) {
      // A link that goes down is noticed elsewhere; the next round asks again.
      if (!(error instanceof SyscallError)) throw error
    }
  }
}

/** By what an operator can do about it, and in words that stay the same while it lasts. */
function refusedAdvert(
  { reason, detail }: Refusal,
  source: IpAddress,
  what = 'are refused',
): { reason: string; message: string } {
  const refused = `adverts from ${source.text} ${what}: `
  switch (reason) {
    case 'Authentication':
    case 'AuthenticationType':
      return {
        reason: 'AuthenticationMismatch',
        message: `${refused}${detail}; give both the same authentication`,
      }
    case 'HMACMissing':
    case 'HMACMalformed':
    case 'HMACUnknownKey':
    case 'HMACInvalid':
      return {
        reason: 'AuthenticationMismatch',
        message: `${refused}${detail}; give both the same authentication, with the same keys under the same IDs`,
      }
    case 'HMACStale':
      return {
        reason: 'ClockMismatch',
        message: `${refused}their time is too far from this node's clock; set both clocks by NTP, or make timeWindow longer`,
      }
    case 'HMACReplayed':
      return {
        reason: 'AdvertReplayed',
        message: `${refused}${detail}: somebody sends them again, or the link does, for it has a loop`,
      }
    case 'TTL':
      return {
        reason: 'TTLMismatch',
        message: `${refused}${detail}: they were forwarded from another link, or sent by what is no VRRP router; keep IP protocol 112 on its own link`,
      }
    case 'Transport':
      return { reason: 'TransportMismatch', message: `${refused}${detail}; give both the same transport` }
    case 'Peer':
      return {
        reason: 'NotAPeer',
        message: `${refused}it is none of the peers; name it in spec.transport.peers, or correct the address it sends from`,
      }
    case 'Version':
      return { reason: 'VersionMismatch', message: `${refused}${detail}; give both the same version` }
    case 'Interval':
    case 'Length':
    case 'Type':
    case 'Checksum':
    case 'VirtualRouterID':
    case 'AddressCount':
    case 'Protocol':
      return {
        reason: 'AdvertRefused',
        message: `${refused}their ${WRONG[reason]} is wrong; see what sends them (tcpdump -vni LINK ip proto 112)`,
      }
  }
}

const WRONG = {
  Interval: 'interval',
  Length: 'length',
  Type: 'type',
  Checksum: 'checksum',
  VirtualRouterID: 'VRID',
  AddressCount: 'number of addresses',
  Protocol: 'IP protocol',
} as const
