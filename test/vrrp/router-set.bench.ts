// What one advert costs in the engine: `node test/vrrp/router-set.bench.ts [routers]`. Decoding and sockets are not in it.

import { ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import type { Instant } from '../../src/lib/time.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import type { VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const ROUTERS = Number(process.argv[2] ?? 1020)
const ROUNDS = Math.ceil(2_000_000 / ROUTERS)
const INTERVAL = 100

interface Wire {
  readonly link: number
  readonly virtualRouterID: number
}

const places: Wire[] = Array.from({ length: ROUTERS }, (_, i) => ({
  link: 2 + Math.floor(i / 255),
  virtualRouterID: 1 + (i % 255),
}))

function routerSet(unheard: boolean): RouterSet {
  const set = new RouterSet()
  for (const [i, { link, virtualRouterID }] of places.entries()) {
    const config: VirtualRouterConfig = {
      family: 'IPv4',
      version: 3,
      virtualRouterID,
      priority: 100,
      advertisementInterval: INTERVAL,
      addresses: [ipAddressFromBytes([10, link, virtualRouterID, 1])],
      preemption: { mode: 'Always', delay: 0 },
      primaryAddress: ipAddressFromBytes([10, link, 0, 1]),
    }
    set.add(`virtual-ip-${i}/IPv4`, link, config, 0)
    set.step(`virtual-ip-${i}/IPv4`, { type: 'Startup', unheard }, (INTERVAL * i) / ROUTERS)
  }
  return set
}

/** As from the decoder: nothing in it is an object that the engine knows already. */
function received({ link, virtualRouterID }: Wire): {
  advertisement: Advertisement
  source: ReturnType<typeof ipAddressFromBytes>
} {
  const addresses = [ipAddressFromBytes([10, link, virtualRouterID, 1])]
  const advertisement = { version: 3, virtualRouterID, priority: 200, interval: INTERVAL, addresses } as const
  return { advertisement, source: ipAddressFromBytes([10, link, 0, 2]) }
}

function backups(): void {
  const set = routerSet(false)
  const adverts = places.map(received)
  let scans = 0
  const per = timed(() => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, { link, virtualRouterID }] of places.entries()) {
        const now: Instant = 100 + INTERVAL * (round + i / ROUTERS)
        const key = set.find(link, 'IPv4', virtualRouterID)
        const advert = adverts[i]
        if (key !== undefined && advert) set.step(key, { type: 'AdvertisementReceived', ...advert }, now)
        if ((set.nextDeadline() ?? Infinity) <= now) {
          scans++
          set.due(now)
        }
      }
    }
  })
  report('Backup, advert accepted', per, `${scans} scans in ${(ROUNDS * INTERVAL) / 1000} s of its time`)
}

function actives(): void {
  const set = routerSet(true)
  let sent = 0
  const per = timed(() => {
    // A timer has a grain of 1 ms: what is due within it goes together.
    for (let now = INTERVAL; now < INTERVAL * (ROUNDS + 1); now++) {
      for (const key of set.due(now)) sent += set.step(key, { type: 'DeadlineReached' }, now).messages.length
    }
  })
  report('Active, advert due', per, `${sent} sent`)
}

function timed(work: () => void): number {
  const start = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - start) / (ROUNDS * ROUTERS)
}

function report(what: string, nanoseconds: number, note: string): void {
  process.stdout.write(`${ROUTERS} routers  ${what}: ${nanoseconds.toFixed(0)} ns each (${note})\n`)
}

for (let warm = 0; warm < 2; warm++) {
  backups()
  actives()
}
