import { isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { HttpCheck } from '../api/check.ts'

/**
 * Turns an open connection into one by TLS. The certificate must be for the name or address in the header Host where there is one, else for the
 * host that is connected to. Throws where caBundle can't be read.
 */
export function encryption(check: HttpCheck): (socket: Socket) => Socket {
  const { connect, createSecureContext, checkServerIdentity } = process.getBuiltinModule('node:tls')
  const { caBundle, insecureSkipVerify = false } = check
  const name = serverName(check)
  let secureContext: SecureContext | undefined
  return socket => {
    // With an empty list the roots that Node has built in are not loaded.
    secureContext ??= createSecureContext(
      insecureSkipVerify ? { ca: [] } : caBundle === undefined ? {} : { ca: certificatesOf(caBundle) },
    )
    return connect({
      socket,
      secureContext,
      rejectUnauthorized: !insecureSkipVerify,
      // An address may not be asked for by SNI (RFC 6066 §3).
      servername: isIP(name) ? '' : name,
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    })
  }
}

function serverName({ httpHeaders = [], host = '127.0.0.1' }: HttpCheck): string {
  const given = httpHeaders.find(({ name }) => name.toLowerCase() === 'host')?.value ?? host
  const [, bracketed, plain] = /^(?:\[(.*)\]|([^:]*))(?::[0-9]*)?$/.exec(given) ?? []
  return bracketed ?? plain ?? given
}

/** OpenSSL passes over what it can't read, and then trusts nobody. */
function certificatesOf(caBundle: string): string[] {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const blocks = caBundle.match(/-----BEGIN CERTIFICATE-----[^-]*(-----END CERTIFICATE-----)?/g) ?? []
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block).toString()
    } catch (cause) {
      throw new Error(`certificate ${i + 1} of caBundle is none that can be read`, { cause })
    }
  })
}
