import { ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import type { Frame, Station } from './segment.ts'

/** What hosts make of a frame that an agent sends: an announcement, or a question who has an address. */
export function readAnnouncement(frame: Uint8Array, sender: Station): Frame {
  const mac = frame.subarray(6, 12)
  if (frame[12] === 0x08) {
    const target = ipAddressFromBytes(frame.subarray(38, 42))
    const isProbe = frame.subarray(28, 32).every(byte => byte === 0)
    return isProbe ? { type: 'Probe', address: target, asker: sender } : { type: 'Announcement', address: target, mac }
  }
  const target = ipAddressFromBytes(frame.subarray(62, 78))
  const isAnnouncement = frame[54] === NEIGHBOR_ADVERTISEMENT
  return isAnnouncement
    ? { type: 'Announcement', address: target, mac }
    : { type: 'Probe', address: target, asker: sender }
}

const NEIGHBOR_ADVERTISEMENT = 136
