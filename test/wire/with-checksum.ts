import { writeUint16 } from '../../src/wire/big-endian.ts'
import { internetChecksum, sumWords } from '../../src/wire/checksum.ts'
import { bytes } from '../vectors/read-vectors.ts'

/** The VRRP message that these hex digits say, its checksum (bytes 6 and 7) made right over the message alone. */
export function withChecksum(hex: string): Uint8Array {
  return sealed(bytes(hex))
}

/** As withChecksum, in place, for a message of at least 8 bytes. */
export function sealed(message: Uint8Array): Uint8Array {
  writeUint16(message, 6, 0)
  writeUint16(message, 6, internetChecksum(sumWords(message, 0, message.length)))
  return message
}
