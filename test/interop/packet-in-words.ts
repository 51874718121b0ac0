import { ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { checksumForm, decodeAdvertisement } from '../../src/wire/vrrp.ts'
import { bytes } from '../vectors/read-vectors.ts'

/** A frame that carries an advert, in hexadecimal from its Ethernet header on: one sentence of all that counts. */
export function packetInWords(hex: string): string {
  const frame = bytes(hex)
  const packet = frame.subarray(14)
  const isIpv4 = frame[12] === 0x08
  const headerLength = isIpv4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 40
  const at = isIpv4 ? { ttl: 8, source: 12, size: 4 } : { ttl: 7, source: 8, size: 16 }
  const address = (offset: number) => ipAddressFromBytes(packet.subarray(offset, offset + at.size))
  const path = { source: address(at.source), destination: address(at.source + at.size) }
  const header = `${isIpv4 ? 'IPv4, TTL' : 'IPv6, Hop Limit'} ${packet[at.ttl]}, ${path.source.text} to ${path.destination.text}`
  const message = packet.subarray(headerLength)
  const advert = decodeAdvertisement(message, path)
  if (advert instanceof DecodeError) return `${header}: ${advert.detail}`
  const { version, virtualRouterID, priority, interval, addresses } = advert
  const checksum = `0x${hexOf(message.subarray(6, 8))}`
  const list = addresses.map(({ text }) => text).join(' and ')
  const count = addresses.length === 1 ? 'one address' : `${addresses.length} addresses`
  const said = `version ${version}, VRID ${virtualRouterID}, priority ${priority}, interval ${interval} ms, ${count} (${list})`
  return `${header}; ${said}; checksum ${checksum}, ${coverage(checksumForm(message, path))}.`
}

function coverage(form: ReturnType<typeof checksumForm>): string {
  switch (form) {
    case 'PseudoHeader':
      return 'which covers an IPv4 pseudo-header and the message'
    case 'RFC9568':
      return 'which covers the message alone'
    case undefined:
      return 'which is right'
  }
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
