/* Loaded before a program: its wall clock is set a day forward, a day back, and right again, three times a second. */
const DAY = 86_400_000
const OFF = [0, DAY, -DAY, DAY / 2]

const RealDate = Date
const realNow = Date.now
let step = 0
setInterval(() => step++, 333).unref()
const now = () => realNow() + (OFF[step % OFF.length] ?? 0)

globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number]) {
    super(given.length === 0 ? now() : given[0])
  }
  static override now = now
} as DateConstructor
