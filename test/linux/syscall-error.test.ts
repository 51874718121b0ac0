import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { errnoName, SyscallError } from '../../src/linux/syscall-error.ts'

const ACTION = 'add address 10.0.0.5/32 on eth0'

test('an error says what failed and what the kernel answered', () => {
  const error = new SyscallError(ACTION, 'ENODEV', { needs: 'CAP_NET_ADMIN' })
  assert.equal(error.message, 'Cannot add address 10.0.0.5/32 on eth0: ENODEV')
  assert.equal(error.errno, 'ENODEV')
  assert.equal(error.name, 'SyscallError')
})

for (const errno of ['EPERM', 'EACCES']) {
  test(`${errno} names the capability that the agent needs`, () => {
    const error = new SyscallError(ACTION, errno, { needs: 'CAP_NET_ADMIN' })
    assert.equal(error.message, `Cannot ${ACTION}: ${errno} (the agent needs CAP_NET_ADMIN)`)
  })
}

test('an error with a hint gives the hint instead, and keeps its cause', () => {
  const cause = new Error('why')
  const error = new SyscallError(ACTION, 'EPERM', { needs: 'CAP_NET_ADMIN', hint: 'ask someone', cause })
  assert.equal(error.message, `Cannot ${ACTION}: EPERM (ask someone)`)
  assert.equal(error.cause, cause)
})

test('an error number, of either sign, has the name that manual pages use', () => {
  assert.equal(errnoName(constants.errno.EPERM), 'EPERM')
  assert.equal(errnoName(-constants.errno.EEXIST), 'EEXIST')
  assert.equal(errnoName(constants.errno.EWOULDBLOCK), 'EAGAIN')
  assert.equal(errnoName(constants.errno.ENOTSUP), 'EOPNOTSUPP')
  assert.equal(errnoName(999), 'errno 999')
})
