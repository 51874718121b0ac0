import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simplePassword } from '../../src/wire/simple-password.ts'
import { bytes, readVectors } from '../vectors/read-vectors.ts'

const KEEPALIVED = readVectors('keepalived-2.2.7.hex')

const PASSWORDS = [
  { text: 's3cr3tpw', vector: 'v2-pass', what: 'of 8 bytes is taken as it is' },
  { text: 'pw', vector: 'v2-pass-short', what: 'that is shorter is padded with zeros' },
  { text: 'longer-than-eight', vector: 'v2-pass-long', what: 'that is longer is cut to 8 bytes' },
  { text: 'geheimnö', vector: 'v2-pass-cut-character', what: 'in UTF-8 is cut within a character' },
]

for (const { text, vector, what } of PASSWORDS) {
  test(`a password ${what}, as keepalived does`, () => {
    assert.deepEqual(simplePassword(text), KEEPALIVED.get(vector)?.slice(-8))
  })
}

test('an empty password is 8 zeros', () => {
  assert.deepEqual(simplePassword(''), bytes('0000000000000000'))
})
