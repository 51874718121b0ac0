import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable, widthsOf } from '../../src/cli/table.ts'

test('columns are as wide as their widest cell, three spaces apart, and lines end where their text ends', () => {
  assert.equal(
    formatTable([
      ['NAME', 'MASTER', 'X'],
      ['a', 'a-long-node', ''],
      ['much-longer', 'n1'],
    ]),
    ['NAME          MASTER        X', 'a             a-long-node', 'much-longer   n1', ''].join('\n'),
  )
})

test('rows that come later keep to the columns that were there, or widen them', () => {
  const widths = widthsOf([['NAME', 'MASTER']])
  assert.deepEqual(widths, [4, 6])
  assert.equal(formatTable([['web', 'n1', 'x']], widths), 'web    n1       x\n')
  assert.deepEqual(widthsOf([['a-new-one', 'n1', 'x']], widths), [9, 6, 1])
})

test('no rows are no text', () => {
  assert.equal(formatTable([]), '')
})
