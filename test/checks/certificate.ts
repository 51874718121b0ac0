/* X.509 certificates for tests, in DER by hand (RFC 5280 §4.1): no program is needed to make them. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { parseIpAddress } from '../../src/lib/ip-address.ts'

export interface Certificate {
  readonly name: string
  /** PEM */
  readonly cert: string
  /** PEM */
  readonly key: string
  readonly privateKey: KeyObject
}

interface Wanted {
  /** DNS names and addresses. */
  readonly for?: readonly string[]
  /** In whole seconds. */
  readonly until?: Date
  /** Absent: it signs itself. */
  readonly by?: Certificate
}

const DAY = 86_400_000

export function certificate(
  name: string,
  { for: names = [], until = new Date(Date.now() + DAY), by }: Wanted = {},
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const extensions = [
    ...(by ? [] : [extension('551d13', sequence(der(0x01, Buffer.from([0xff]))))]),
    ...(names.length > 0 ? [extension('551d11', sequence(...names.map(generalName)))] : []),
  ]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    distinguishedName(by?.name ?? name),
    sequence(time(new Date(until.getTime() - 30 * DAY)), time(until)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, by?.privateKey ?? privateKey)
  const whole = sequence(body, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature))
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { name, cert: pem(whole), key, privateKey }
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))
}

/** UTCTime, which ends with 2049. */
function time(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().replace(/^20|[-:T]|\..*/g, '')}Z`))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x04, value))
}

function generalName(name: string): Buffer {
  const address = parseIpAddress(name)
  return address ? der(0x87, Buffer.from(address.bytes)) : der(0x82, Buffer.from(name))
}

function pem(bytes: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}
