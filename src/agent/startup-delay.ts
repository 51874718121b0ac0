import type { Millis } from '../lib/time.ts'

/** How long a node stays out that was started a moment ago. */
export interface StartupDelay {
  /** Since this agent's start; keepalived's vrrp_startup_delay. 0: not at all. */
  readonly afterStart: Millis
  /** Since the machine was booted; keepalived's vrrp_delay_after_boot. 0: not at all. */
  readonly afterBoot: Millis
}

/** What is left of a start-up delay, and why. */
export interface Wait {
  readonly length: Millis
  readonly sentence: string
}

/** How long an agent that starts `sinceBoot` after its machine waits before it takes part; undefined: not at all. */
export function startupWait({ afterStart, afterBoot }: StartupDelay, sinceBoot: Millis): Wait | undefined {
  const boot = afterBoot - sinceBoot
  if (Math.max(boot, afterStart) <= 0) return undefined
  return boot > afterStart
    ? { length: boot, sentence: `Takes part ${afterBoot / 1000} s after the boot of this machine (--delay-after-boot)` }
    : {
        length: afterStart,
        sentence: `Takes part ${afterStart / 1000} s after the start of this agent (--startup-delay)`,
      }
}
