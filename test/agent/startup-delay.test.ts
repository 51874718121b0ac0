import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startupWait } from '../../src/agent/startup-delay.ts'

const AFTER_BOOT = /^Takes part 120 s after the boot of this machine \(--delay-after-boot\)$/
const AFTER_START = /^Takes part 2.5 s after the start of this agent \(--startup-delay\)$/

test('without a delay nobody waits', () => {
  assert.equal(startupWait({ afterStart: 0, afterBoot: 0 }, 10), undefined)
})

test('who starts long after its machine does not wait for the boot', () => {
  assert.equal(startupWait({ afterStart: 0, afterBoot: 120_000 }, 120_000), undefined)
  const wait = startupWait({ afterStart: 2500, afterBoot: 120_000 }, 119_000)
  assert.equal(wait?.length, 2500)
  assert.match(wait?.sentence ?? '', AFTER_START)
})

test('the longer wait counts', () => {
  const wait = startupWait({ afterStart: 2500, afterBoot: 120_000 }, 20_000)
  assert.equal(wait?.length, 100_000)
  assert.match(wait?.sentence ?? '', AFTER_BOOT)
})
