import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { LineBuffer } from '../../src/kube/line-buffer.ts'

suite('lines that arrive in pieces', () => {
  test('are put together, however they were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'ä', '\n', '{') })), pieces => {
        const buffer = new LineBuffer(1000)
        const lines = pieces.flatMap(piece => buffer.add(piece))
        const whole = pieces.join('').split('\n').slice(0, -1)
        assert.deepEqual(
          lines,
          whole.filter(line => line !== ''),
        )
      }),
    )
  })

  test('are refused where one does not end', () => {
    const buffer = new LineBuffer(10)
    assert.deepEqual(buffer.add('12345'), [])
    assert.deepEqual(buffer.add('67890'), [])
    assert.equal(buffer.add('1'), 'TooLong')
  })
})
