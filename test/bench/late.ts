/*
 * How late adverts are, ours beside keepalived's on the same LAN in the same minutes, and whether anybody takes over who should not. Run by
 * `make late`, inside namespaces of its own: late.ts [--loads LOAD,LOAD] [--minutes 2]
 * Each load is a part, and appends what it found to docs/runs/late.jsonl; docs/late.md is of all that was recorded.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { blockedPipe } from '../lab/blocked-pipe.ts'
import { scratchFolder } from '../lab/daemons.ts'
import { openLan } from '../lab/lan.ts'
import { recordRun } from '../lab/ledger.ts'
import { type TimedAdvert, timeAdverts } from './advert-times.ts'
import { type ApiStorm, startApiStorm } from './api-storm.ts'
import { isLate, lateTable } from './late-table.ts'

/** The machine's state, and what of it is special: `interval` of adverts in ms. */
const LOADS = {
  quiet: { interval: 50 },
  /** The agent's own object changes 1,000 times a second; the generator runs where it may. */
  storm: { interval: 50, storm: 1000 },
  /** The same, with the generator on another core than agents and keepalived. */
  'storm, pinned': { interval: 50, storm: 1000, isPinned: true },
  /** etcd and kube-apiserver, with as many changes as they take on the other core. */
  'API server, pinned': { interval: 50, api: true, isPinned: true },
  /** Every core has a process that never rests; by default intervals of ours. */
  busy: { interval: 200, busy: availableParallelism() },
  /** Nobody reads what our agents write to a pipe that is full, and they say all there is to say while their object changes. */
  'blocked log': { interval: 50, storm: 1000, isMuted: true },
  /** Our agents make some 20 MB of garbage a second beside what they do. */
  garbage: { interval: 50, hasGarbage: true },
} as const satisfies Record<string, Load>

interface Load {
  readonly interval: number
  readonly storm?: number
  readonly api?: true
  readonly isPinned?: true
  readonly busy?: number
  readonly isMuted?: true
  readonly hasGarbage?: true
}

/** Starts, and first announcements, are over. */
const SETTLED = 12_000
const [OWN_CORE, OTHER_CORE] = ['0', '1']
const PROGRAM = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))
const STORM = fileURLToPath(new URL('../lab/watch-storm.ts', import.meta.url))
const GARBAGE = new URL('garbage.ts', import.meta.url).href
const [OURS, KEEPALIVED] = [51, 52]
const PORT = 8080

const DOCUMENT = fileURLToPath(new URL('../../docs/late.md', import.meta.url))
const HEAD = `# How late adverts are

By \`make late\`: how much longer than an interval it took from each advert to the next, in ms, by the time at which the kernel of a node that takes no
part received it; kube-vrrp's MASTER beside keepalived's on the same LAN in the same minutes. *taken over*: how often the BACKUP advertised although the
MASTER was there.
`

const { values } = parseArgs({
  options: {
    loads: { type: 'string', default: Object.keys(LOADS).join(';') },
    minutes: { type: 'string', default: '2' },
  },
})
for (const name of values.loads.split(';')) {
  const load = Object.entries(LOADS).find(([known]) => known === name)?.[1]
  if (!load) throw new Error(`--loads: there is no load ${name}: ${Object.keys(LOADS).join('; ')}`)
  await measure(name, load, Number(values.minutes))
}
const table = lateTable()
writeFileSync(DOCUMENT, `${HEAD}\n${table}\n`)
process.stdout.write(`${table}\n`)
process.exit(0)

async function measure(name: string, load: Load, minutes: number): Promise<void> {
  const begun = performance.now()
  const lan = openLan({ bridge: 'br-late', addresses: ['10.1.0.254/24'] })
  const [a, b, c, d, observer] = ['a', 'b', 'c', 'd', 'o'].map((letter, i) =>
    lan.addNode({ name: `late-${letter}`, addresses: [`10.1.0.${i + 1}/24`] }),
  )
  if (!a || !b || !c || !d || !observer) throw new Error('There are no nodes')
  const folder = scratchFolder()
  const helpers: ChildProcess[] = []
  let api: ApiStorm | undefined
  const adverts: TimedAdvert[] = []
  let isOver = false
  const listener = timeAdverts(observer, advert => {
    if (!isOver) adverts.push(advert)
  })
  try {
    if (load.isPinned && availableParallelism() < 2) throw new Error('To pin needs two cores')
    if (load.api)
      api = await startApiStorm({ folder, address: '10.1.0.254', nodes: [a.name, b.name], spec, core: OTHER_CORE })
    for (const [node, priority] of [
      [a, 200],
      [b, 100],
    ] as const) {
      let kubeconfig = api?.kubeconfigs.get(node.name)
      if (kubeconfig === undefined) {
        const port = PORT + priority
        const file = join(folder, `${node.name}.json`)
        writeFileSync(file, JSON.stringify(spec(priority)))
        const args = [STORM, '10.1.0.254', String(port), node.name, file, String(node === a ? (load.storm ?? 0) : 0)]
        const storm = spawn(
          ...pinned(load, OTHER_CORE, process.execPath, ['--disable-warning=ExperimentalWarning', ...args]),
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        )
        helpers.push(storm)
        await once(storm.stdout as Readable, 'data')
        storm.stdout?.resume()
        kubeconfig = writeKubeconfig(folder, node.name, `http://10.1.0.254:${port}`)
      }
      const args = ['agent', '--node', node.name, '--state-dir', folder, '--kubeconfig', kubeconfig]
      const level = load.isMuted ? 'trace' : 'info'
      const output = load.isMuted ? blockedPipe() : openSync(join(folder, `${node.name}.log`), 'a')
      node.spawn(...pinned(load, OWN_CORE, PROGRAM, [...args, '--log-level', level]), {
        stdio: ['ignore', output, output],
        env: { ...process.env, ...(load.hasGarbage ? { NODE_OPTIONS: `--import=${GARBAGE}` } : {}) },
      })
    }
    for (const [node, priority] of [
      [c, 200],
      [d, 100],
    ] as const) {
      const file = join(folder, `${node.name}.conf`)
      writeFileSync(file, keepalivedConf(priority))
      const pids = ['--pid', `${file}.pid`, '--vrrp_pid', `${file}.vrrp.pid`]
      const args = ['--vrrp', '--dont-fork', '--log-console', '--use-file', file, ...pids]
      node.spawn(...pinned(load, OWN_CORE, 'keepalived', args), { stdio: 'ignore' })
    }
    await sleep(SETTLED)
    api?.begin()
    for (let i = 0; i < (load.busy ?? 0); i++)
      helpers.push(spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }))
    adverts.length = 0
    const changes = api?.changes() ?? 0
    for (let left = minutes * 60; left > 0; left -= 10) {
      process.stderr.write(`${name}: ${left.toFixed(0)} s left\n`)
      await sleep(Math.min(10, left) * 1000)
    }
    isOver = true
    const [ours, theirs] = [
      seen(adverts, OURS, '10.1.0.1', load.interval),
      seen(adverts, KEEPALIVED, '10.1.0.3', load.interval),
    ]
    recordRun('late', {
      command: `make late LOADS='${name}' MINUTES=${minutes}`,
      seconds: Math.round((performance.now() - begun) / 1000),
      counts: {
        [`${name}: seconds`]: Math.round(minutes * 60),
        [`${name}: adverts, ours`]: ours.lateness.length,
        [`${name}: adverts, keepalived`]: theirs.lateness.length,
        [`${name}: takeovers, ours`]: ours.takeovers,
        [`${name}: takeovers, keepalived`]: theirs.takeovers,
        ...(api ? { [`${name}: changes`]: api.changes() - changes } : {}),
        ...(load.storm ? { [`${name}: changes`]: load.storm * minutes * 60 } : {}),
      },
      // A line of what was in time would be long.
      samples: {
        [`${name}: ours`]: ours.lateness.filter(isLate),
        [`${name}: keepalived`]: theirs.lateness.filter(isLate),
      },
    })
  } catch (error) {
    process.stderr.write(readFileSync(join(folder, `${a.name}.log`), 'utf8'))
    throw error
  } finally {
    listener.close()
    for (const helper of helpers) helper.kill('SIGKILL')
    lan.close()
    await api?.close()
  }

  function spec(priority: number): object {
    return {
      virtualRouters: [
        {
          virtualIP: 'web',
          family: 'IPv4',
          version: 3,
          virtualRouterID: OURS,
          link: 'eth0',
          priority,
          advertisementInterval: `${load.interval}ms`,
          addresses: ['10.1.0.100/24'],
          preemption: { mode: 'Always', delay: '0s' },
          checksum: 'PseudoHeader',
        },
      ],
    }
  }

  function keepalivedConf(priority: number): string {
    return `vrrp_instance VI {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id ${KEEPALIVED}
  priority ${priority}
  advert_int ${load.interval / 1000}
  virtual_ipaddress {
    10.1.0.101
  }
}
`
  }
}

function pinned(load: Load, core: string, command: string, args: readonly string[]): [string, string[]] {
  return load.isPinned ? ['taskset', ['--cpu-list', core, command, ...args]] : [command, [...args]]
}

/** How much longer than an interval it took from each advert of the MASTER to its next, in ms; and how often another one advertised. */
function seen(adverts: readonly TimedAdvert[], id: number, master: string, interval: number) {
  const own = adverts.filter(({ virtualRouterID }) => virtualRouterID === id)
  const lateness: number[] = []
  let takeovers = 0
  for (const [i, { at, source }] of own.entries()) {
    const before = own[i - 1]
    if (source !== master && before?.source === master) takeovers++
    if (before && source === master && before.source === master)
      lateness.push(Math.round(1000 * Math.max(0, at - before.at - interval)) / 1000)
  }
  if (lateness.length === 0) throw new Error(`Nothing was heard of ${master}`)
  return { lateness, takeovers }
}

function writeKubeconfig(folder: string, name: string, server: string): string {
  const file = join(folder, `${name}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'storm', cluster: { server } }],
    users: [{ name: 'storm', user: { token: 'none' } }],
    contexts: [{ name: 'storm', context: { cluster: 'storm', user: 'storm' } }],
    'current-context': 'storm',
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}
