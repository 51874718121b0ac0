import { parseIpAddress } from '../lib/ip-address.ts'
import type { HttpCheck } from './check.ts'
import type { CelRule } from './rule.ts'

const PATH = '^/[!-~]*$'
/** RFC 9110 §5.6.2, §5.5: a token; no control characters but the tab. */
const HEADER_NAME = '^[-!#$%&*+.^_`|~0-9a-zA-Z]+$'
const HEADER_VALUE = '^[\\t -~]*$'
const STATUS = '^[2-5][0-9][0-9](-[2-5][0-9][0-9])?$'
const CERTIFICATE = '-----BEGIN CERTIFICATE-----'

/** Of a check that asks by HTTP. */
export function httpRules(path: string): readonly CelRule[] {
  return [
    hostRule(`${path}.host`),
    textRule(`${path}.path`, PATH, 'must begin with / and have no spaces; what is not ASCII is written as %XX'),
    textRule(
      `${path}.httpHeaders[*].name`,
      HEADER_NAME,
      'must be the name of a header, such as Host: no spaces, colons or other separators',
    ),
    textRule(`${path}.httpHeaders[*].value`, HEADER_VALUE, 'must be printable ASCII in one line'),
    textRule(
      `${path}.expectedStatus[*]`,
      STATUS,
      'must be a status code of 200 to 599 or a range, e.g. 200 or 200-299',
    ),
    {
      path: `${path}.expectedStatus[*]`,
      cel: `!self.matches('${STATUS}') || self.size() == 3 || self.substring(0, 3) <= self.substring(4)`,
      check: (self: string) => !new RegExp(STATUS).test(self) || self.length === 3 || self.slice(0, 3) <= self.slice(4),
      message: 'must be a range whose first code is not above its last, e.g. 200-299',
    },
    {
      path: `${path}.caBundle`,
      cel: `self.contains('${CERTIFICATE}')`,
      check: (self: string) => self.includes(CERTIFICATE),
      message: `must be certificates in PEM (not in base64 once more), each beginning with ${CERTIFICATE}`,
    },
    {
      path,
      field: 'caBundle',
      cel: '!has(self.caBundle) || !has(self.insecureSkipVerify) || !self.insecureSkipVerify',
      check: (self: HttpCheck) => self.caBundle === undefined || self.insecureSkipVerify !== true,
      message: 'must be absent where insecureSkipVerify is true, which takes any certificate: remove one of the two',
    },
    {
      path,
      field: 'scheme',
      cel: "(has(self.scheme) && self.scheme == 'HTTPS') || (!has(self.caBundle) && (!has(self.insecureSkipVerify) || !self.insecureSkipVerify))",
      check: (self: HttpCheck) =>
        self.scheme === 'HTTPS' || (self.caBundle === undefined && self.insecureSkipVerify !== true),
      message: 'must be HTTPS with caBundle or insecureSkipVerify, which say what certificates will do',
    },
  ]
}

/** Of a check that opens a TCP connection. */
export function tcpRules(path: string): readonly CelRule[] {
  return [hostRule(`${path}.host`)]
}

/** DNS labels, not all digits at the end: that would be an address with an error in it. */
const HOST_NAME = '^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?[.])*[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'
const NUMBER_AT_END = '(^|[.])[0-9]+$'

function hostRule(path: string): CelRule {
  return {
    path,
    cel: `(isIP(self) && !self.matches(':.*[.]')) || (self.matches('${HOST_NAME}') && !self.matches('${NUMBER_AT_END}'))`,
    check: (self: string) =>
      parseIpAddress(self) !== undefined || (new RegExp(HOST_NAME).test(self) && !new RegExp(NUMBER_AT_END).test(self)),
    message: 'must be an IPv4 or IPv6 address, or a DNS name such as localhost',
  }
}

/** `pattern` has no quotes in it. */
function textRule(path: string, pattern: string, message: string): CelRule {
  return {
    path,
    cel: `self.matches('${pattern.replaceAll('\\', '\\\\')}')`,
    check: (self: string) => new RegExp(pattern).test(self),
    message,
  }
}
