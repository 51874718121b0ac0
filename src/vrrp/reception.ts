import { type IpAddress, sameAddress } from '../lib/ip-address.ts'
import type { Advertisement } from './advertisement.ts'
import type { Observation, VirtualRouterConfig } from './router-state.ts'

const NOTHING: readonly never[] = Object.freeze([])

/**
 * Why a well-formed advert for this virtual router must be discarded, if it must: the checks of RFC 9568 §7.1 and RFC 3768 §7.1
 * that need the configuration. Being the owner is no reason (erratum 8298).
 */
export function refusal(
  config: VirtualRouterConfig,
  advertisement: Advertisement,
  source: IpAddress,
): Observation | undefined {
  const { version, priority, interval } = advertisement
  if (version !== config.version) return { type: 'VersionMismatch', source, heard: version }
  if (version === 2 && interval !== config.advertisementInterval) return intervalMismatch(config, interval, source)
  // Our own advert come back, or a duplicate address: no tie that addresses could break.
  if (priority === config.priority && sameAddress(source, config.primaryAddress)) {
    return { type: 'OwnAddressHeard', source }
  }
  return undefined
}

/**
 * What is odd about an advert that counts all the same. A foreign address list does: routers are reconfigured one after the other,
 * and discarding it would make two Active Routers of every such change (RFC 9568 §7.1 only asks to log it).
 */
export function oddities(
  config: VirtualRouterConfig,
  advertisement: Advertisement,
  source: IpAddress,
): readonly Observation[] {
  if (sameList(advertisement.addresses, config.addresses)) return NOTHING
  return [{ type: 'AddressListMismatch', source, heard: advertisement.addresses }]
}

export function intervalMismatch(config: VirtualRouterConfig, heard: number, source: IpAddress): Observation {
  return { type: 'IntervalMismatch', source, heard, configured: config.advertisementInterval }
}

function sameList(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  if (a.length !== b.length) return false
  return a.every((address, i) => address.text === b[i]?.text) || sameSet(a, b)
}

function sameSet(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  const texts = new Set(b.map(address => address.text))
  return a.every(address => texts.has(address.text))
}
