import type { IpAddress } from '../lib/ip-address.ts'
import { formatDuration } from '../lib/time.ts'
import type { Advertisement } from '../vrrp/advertisement.ts'
import type { Observation, VirtualRouterConfig } from '../vrrp/virtual-router.ts'

/** What is wrong between two nodes, by one's adverts, and what to do; undefined for what is the protocol at work. Pure. */
export function oddAdvert(
  observation: Observation,
  { version }: Pick<VirtualRouterConfig, 'version'>,
): string | undefined {
  switch (observation.type) {
    case 'IntervalMismatch': {
      const { source, heard, configured } = observation
      const consequence = version === 2 ? 'its adverts are refused' : 'it is followed while it is MASTER'
      return `${source.text} advertises every ${formatDuration(heard)}, this node every ${formatDuration(configured)}: ${consequence}; give both the same advertisementInterval`
    }
    case 'AddressListMismatch': {
      const { source, heard } = observation
      return `${source.text} advertises other addresses than this node: ${textOf(heard)}; give both the same addresses`
    }
    case 'VersionMismatch':
      return `${observation.source.text} speaks VRRP version ${observation.heard}, this node version ${version}: neither believes the other; give both the same version`
    case 'OwnAddressHeard':
      return `an advert came from ${observation.source.text}, which is this node's own address: another node has it too, or the segment has a loop`
    case 'Transition':
    case 'HandedOver':
    case 'PriorityZeroReceived':
    case 'LosingAdvertisement':
      return undefined
  }
}

/** The sender of a VRID that this node does not run advertises what this node would hold: they will never agree who does. */
export function sameAddressOtherRouter(
  advertisement: Advertisement,
  source: IpAddress,
  { addresses, virtualRouterID }: VirtualRouterConfig,
): string | undefined {
  const common = advertisement.addresses.filter(({ text }) => addresses.some(own => own.text === text))
  if (common.length === 0) return undefined
  return `${source.text} advertises ${textOf(common)} too, with VRID ${advertisement.virtualRouterID} where this node has ${virtualRouterID}: give both the same virtualRouterID`
}

function textOf(addresses: readonly IpAddress[]): string {
  return addresses.map(({ text }) => text).join(', ')
}
