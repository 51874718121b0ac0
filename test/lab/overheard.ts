import { ipAddressFromBytes } from '../../src/lib/ip-address.ts'

/**
 * What a frame says to all: `announcement ADDRESS MAC` (gratuitous ARP, an unsolicited Neighbor Advertisement) or
 * `advert FAMILY VRID PRIORITY MAC`, with the MAC that it comes from.
 */
export function overheardIn(frame: Uint8Array): string | undefined {
  const packet = frame.subarray(14)
  switch (((frame[12] ?? 0) << 8) | (frame[13] ?? 0)) {
    case 0x0806:
      return announcementIn(packet.subarray(14, 18), packet.subarray(24, 28), packet.subarray(8, 14))
    case 0x0800:
      return packet[9] === VRRP ? advertIn('IPv4', frame, packet.subarray(((packet[0] ?? 0) & 0x0f) * 4)) : undefined
    case 0x86dd:
      if (packet[6] === VRRP) return advertIn('IPv6', frame, packet.subarray(40))
      if (packet[6] !== ICMPV6 || packet[40] !== NEIGHBOR_ADVERTISEMENT || packet[24] !== MULTICAST) return undefined
      return announcementIn(packet.subarray(48, 64), packet.subarray(48, 64), packet.subarray(66, 72))
  }
  return undefined
}

function announcementIn(sender: Uint8Array, target: Uint8Array, mac: Uint8Array): string | undefined {
  const [from, of] = [textOf(sender), textOf(target)]
  return from === of ? `announcement ${of} ${macOf(mac)}` : undefined
}

function advertIn(family: string, frame: Uint8Array, advert: Uint8Array): string {
  return `advert ${family} ${advert[1]} ${advert[2]} ${macOf(frame.subarray(6, 12))}`
}

function textOf(bytes: Uint8Array): string {
  return ipAddressFromBytes(Uint8Array.from(bytes)).text
}

function macOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':')
}

const [VRRP, ICMPV6, NEIGHBOR_ADVERTISEMENT, MULTICAST] = [112, 58, 136, 0xff]
