import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nonlocalBind } from '../../src/agent/nonlocal-bind.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'

const [FOUR, SIX] = ['net.ipv4.ip_nonlocal_bind', 'net.ipv6.ip_nonlocal_bind']

/** What is said, and what the sysctls are then. */
function outcome(wanted: boolean, sysctls: Record<string, string>, refusal?: SyscallError): string[] {
  const said: string[] = []
  const write = (name: string, value: string) => {
    if (!refusal) sysctls[name] = value
    return refusal
  }
  const logger = { info: (text: string) => said.push(text), warn: (text: string) => said.push(`warning: ${text}`) }
  nonlocalBind(wanted, { read: name => sysctls[name], write }, logger as unknown as Parameters<typeof nonlocalBind>[2])
  return [...said, JSON.stringify(sysctls)]
}

test('services that cannot bind what the node does not hold yet are told of, and nothing is changed', () => {
  assert.deepEqual(outcome(false, { [FOUR]: '0', [SIX]: '0' }), [
    "net.ipv4.ip_nonlocal_bind and net.ipv6.ip_nonlocal_bind are 0: a service of this node can't bind an address before the node holds it; where one must, set the sysctl to 1 (--set-ip-nonlocal-bind does so; in a cluster the chart's agent.setNonlocalBind)",
    '{"net.ipv4.ip_nonlocal_bind":"0","net.ipv6.ip_nonlocal_bind":"0"}',
  ])
  assert.match(outcome(false, { [FOUR]: '1', [SIX]: '0' })[0] ?? '', /^net\.ipv6\.ip_nonlocal_bind is 0: /)
})

test('where it is asked for, they are set', () => {
  assert.deepEqual(outcome(true, { [FOUR]: '1', [SIX]: '0' }), [
    'Set net.ipv6.ip_nonlocal_bind to 1',
    '{"net.ipv4.ip_nonlocal_bind":"1","net.ipv6.ip_nonlocal_bind":"1"}',
  ])
})

test('nothing is said where they can, or the kernel has no such setting', () => {
  for (const wanted of [true, false]) assert.deepEqual(outcome(wanted, { [FOUR]: '1' }), [`{"${FOUR}":"1"}`])
})

test('a kernel that refuses is a warning', () => {
  const refusal = new SyscallError(`set ${FOUR} to 1`, 'EROFS')
  assert.deepEqual(outcome(true, { [FOUR]: '0' }, refusal), [
    "warning: Cannot set net.ipv4.ip_nonlocal_bind to 1: EROFS: services of this node can't bind an address before the node holds it",
    `{"${FOUR}":"0"}`,
  ])
})
