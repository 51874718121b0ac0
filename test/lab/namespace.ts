import { closeSync, openSync, readlinkSync } from 'node:fs'
import koffi from 'koffi'
import { lastErrno } from '../../src/linux/libc.ts'

/** Throws unless this process was started by `in-namespaces`: what changes links and addresses must not run on the machine itself. */
export function requireLab(): void {
  const { KUBE_VRRP_LAB } = process.env
  if (KUBE_VRRP_LAB === readlinkSync('/proc/self/ns/net')) return
  throw new Error('This changes links and addresses: run it as test/lab/in-namespaces node …')
}

/**
 * Runs `work` in a network namespace that `ip netns add` made. What it opens stays there; what it does after its first `await` does not
 * happen there.
 */
export function inNamespace<T>(name: string, work: () => T): T {
  const there = openSync(`/run/netns/${name}`, 'r')
  const here = openSync('/proc/thread-self/ns/net', 'r')
  try {
    enter(there)
    return work()
  } finally {
    enter(here)
    closeSync(there)
    closeSync(here)
  }
}

function enter(descriptor: number): void {
  if (setns(descriptor, CLONE_NEWNET) < 0) throw new Error(`Cannot enter a network namespace: ${lastErrno()}`)
}

const setns = koffi.load(null).func('int setns(int, int)')
const CLONE_NEWNET = 0x40000000
