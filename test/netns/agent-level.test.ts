/* What is taken from a MASTER by hand comes back by itself, and hosts are told; five times each, for figures belong to no one time. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LinkTable, watchLinks } from '../../src/linux/links.ts'
import { figuresOf } from '../bench/figures.ts'
import { comesTo, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, startAgent } from '../lab/daemons.ts'
import { type Listener, listenOn } from '../lab/frames.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const TIMES = 5
const hosts = Array.from({ length: TIMES }, (_, i) => 101 + i)
const OWN = '10.1.0.1'
/** Before anybody sees that it was gone: as where it is renewed at that very moment. */
const BACK_AT_ONCE = {
  'deleted, and back at once': ['10.1.0.105', '10.1.0.105/32', ''],
  'deleted (IPv6), and back at once': ['fd01::105', 'fd01::105/64', 'nodad'],
} as const
/** A sequence of announcements is begun anew no more often, in ms. */
const ANEW = 1050

describe('of a MASTER', { concurrency: 2 }, () => {
  test('addresses that are deleted or flushed, and a link that gets another MAC or MTU, are announced again without a transition', async t => {
    const { node } = testLan(t, 'level')
    const [node1, other] = [node(), node()]
    const file = stream(
      ...hosts.map(host => service(node1, `vip${host}`, host, [`10.1.0.${host}`, `fd01::${host}/64`], '1s')),
    )
    const agent = startAgent(node1, { file })
    for (const host of hosts)
      for (const family of ['IPv4', 'IPv6'] as const)
        await comesTo(agent, 'MASTER', { virtualIP: `vip${host}`, family })
    const expected = await Expected.on(node1, other, agent)
    t.after(() => expected.close())
    // From now on the next event of each begins its announcements anew.
    await sleep(ANEW)
    const told = transitions(agent).length

    for (const host of hosts) {
      await expected.announced('deleted', [`10.1.0.${host}`], `ip address delete 10.1.0.${host}/32 dev eth0`)
      await expected.announced('deleted (IPv6)', [`fd01::${host}`], `ip address delete fd01::${host}/64 dev eth0`)
    }
    for (const [what, [address, prefix, flags]] of Object.entries(BACK_AT_ONCE)) {
      await sleep(ANEW)
      const batch = `printf 'address delete ${prefix} dev eth0\\naddress add ${prefix} dev eth0 ${flags}\\n' | ip -batch -`
      const { pid } = agent.process
      await expected.announced(what, [address], `kill -STOP ${pid}; ${batch}; kill -CONT ${pid}`)
    }
    const v4 = hosts.map(host => `10.1.0.${host}`)
    const all = [...v4, ...hosts.map(host => `fd01::${host}`)]
    for (let i = 0; i < TIMES; i++) {
      // As who configures a link anew: all goes, its own address comes back at once.
      await sleep(ANEW)
      const flush = `printf 'address flush dev eth0 scope global\\naddress add ${OWN}/24 dev eth0\\n' | ip -4 -batch -`
      await expected.announced('flushed', v4, flush)
      const own = /inet (\S+)\//.exec(node1.run('ip', '-4', 'address', 'show', 'dev', 'eth0'))?.[1]
      assert.equal(own, OWN, 'which is still the first')
      await sleep(ANEW)
      await expected.announced('another MTU', all, `ip link set eth0 mtu ${1400 + i}`)
    }
    for (let i = 0; i < TIMES; i++) {
      const mac = `02:00:00:00:77:0${i}`
      await expected.announced('another MAC', all, `ip link set eth0 address ${mac}`, mac, 1)
    }
    assert.deepEqual(transitions(agent).slice(told), [], agent.output())
    for (const line of expected.report()) t.diagnostic(line)
  })

  test('a link that goes down and up, is made anew or renamed is a FAULT; then it starts as any router, and announces when it is Active', async t => {
    const { node } = testLan(t, 'bounce')
    const node1 = node()
    const ip = (...lines: string[]) => node1.run('sh', '-c', lines.map(line => `ip ${line}`).join('\n'))
    const create = [
      'link add eth1 type veth peer name peer1',
      'link set peer1 up',
      'link set eth1 up',
      'address add 10.2.0.1/24 dev eth1',
    ]
    ip(...create)
    const agent = startAgent(node1, { file: stream(service(node1, 'web', 51, ['10.2.0.100'], '100ms', 'eth1')) })
    await comesTo(agent, 'MASTER')
    const events: Record<string, readonly [before: string[], after: string[]]> = {
      'down and up': [['link set eth1 down'], ['link set eth1 up']],
      'made anew': [['link delete eth1'], create],
      renamed: [
        ['link set eth1 down', 'link set eth1 name gone', 'link set gone up'],
        ['link set gone down', 'link set gone name eth1', 'link set eth1 up'],
      ],
    }
    for (const [what, [before, after]] of Object.entries(events)) {
      for (let i = 0; i < TIMES; i++) {
        const told = transitions(agent).length
        ip(...before)
        await comesTo(agent, 'FAULT')
        const listener = listenOn(node1)
        t.after(() => listener.close())
        const at = labTime()
        ip(...after)
        await eventually(
          `it is announced (${what})`,
          () => listener.heard.some(line => line.startsWith('10.2.0.100 is at')),
          { daemons: [agent] },
        )
        const waited = (listener.times[listener.heard.findIndex(line => line.startsWith('10.2.0.100 is at'))] ?? 0) - at
        await comesTo(agent, 'MASTER')
        const states = transitions(agent)
          .slice(told)
          .map(line => / -> (\w+): /.exec(line)?.[1])
        assert.deepEqual(states.slice(0, 3), ['FAULT', 'BACKUP', 'MASTER'], what)
        assert.ok(waited > 300, `${what}: it did not wait for others: ${waited} ms`)
      }
    }
  })

  test('a link that loses its carrier is a FAULT at once, and nothing is held; five times', async t => {
    const { lan, node } = testLan(t, 'nocarr')
    const node1 = node()
    const agent = startAgent(node1, { file: stream(service(node1, 'web', 51, ['10.1.0.100'], '100ms')) })
    await comesTo(agent, 'MASTER')
    const took: number[] = []
    for (let i = 0; i < TIMES; i++) {
      const at = Date.now()
      lan.setCarrier(node1, false)
      await comesTo(agent, 'FAULT', { reason: 'NoCarrier' })
      const line = transitions(agent).findLast(text => text.includes('-> FAULT')) ?? assert.fail(agent.output())
      took.push(Date.parse(line.split(' ')[0] ?? '') - at)
      await eventually(
        'it is released',
        () => !node1.run('ip', 'address', 'show', 'dev', 'eth0').includes('10.1.0.100'),
      )
      lan.setCarrier(node1, true)
      await comesTo(agent, 'MASTER')
    }
    const { median, max } = figuresOf(took)
    t.diagnostic(`FAULT ${median} (median), ${max} (max) ms after the carrier was lost (n=${TIMES})`)
  })
})

/** How long announcements take, from when the kernel tells what has happened. */
class Expected {
  readonly #node: LabNode
  readonly #agent: AgentDaemon
  readonly #listener: Listener
  readonly #took = new Map<string, number[]>()
  #links: LinkTable | undefined
  #changed: number | undefined

  static async on(node: LabNode, listeningOn: LabNode, agent: AgentDaemon): Promise<Expected> {
    const expected = new Expected(node, listenOn(listeningOn), agent)
    expected.#links = await inNamespace(node.name, () =>
      watchLinks(() => {
        expected.#changed ??= labTime()
      }),
    )
    return expected
  }

  private constructor(node: LabNode, listener: Listener, agent: AgentDaemon) {
    this.#node = node
    this.#listener = listener
    this.#agent = agent
  }

  /** Waits until all of the addresses were announced so often for what the commands do: three times is what nothing else was to do now. */
  async announced(
    what: string,
    addresses: readonly string[],
    commands: string,
    mac?: string,
    times = 3,
  ): Promise<void> {
    const from = this.#listener.heard.length
    this.#changed = undefined
    const done = once(this.#node.spawn('sh', ['-c', commands], { stdio: 'inherit' }), 'exit')
    const places = await eventually(
      `${what}: all are announced`,
      () => {
        const found = addresses.map(address => this.#placesOf(`${address} is at ${mac ?? this.#node.mac}`, from))
        return found.every(each => each.length >= times) ? found : undefined
      },
      { daemons: [this.#agent] },
    )
    assert.deepEqual(await done, [0, null])
    const last = Math.max(...places.map(([place = 0]) => this.#listener.times[place] ?? Number.NaN))
    this.#took.set(what, [...(this.#took.get(what) ?? []), last - (this.#changed ?? Number.NaN)])
  }

  report(): string[] {
    return Array.from(this.#took, ([what, took]) => {
      assert.ok(!took.some(Number.isNaN), `${what}: ${took}`)
      const { n, median, max } = figuresOf(took)
      return `${what}: the last is announced ${median.toFixed(1)} (median), ${max.toFixed(1)} (max) ms later (n=${n})`
    })
  }

  close(): void {
    this.#listener.close()
    this.#links?.close()
  }

  #placesOf(line: string, from: number): number[] {
    return this.#listener.heard.flatMap((heard, i) => (i >= from && heard === line ? [i] : []))
  }
}

function service(
  { name }: LabNode,
  virtualIPName: string,
  virtualRouterID: number,
  addresses: readonly string[],
  advertisementInterval: string,
  link = 'eth0',
): object {
  return virtualIP(virtualIPName, {
    addresses: [...addresses],
    interface: { name: link },
    virtualRouterID,
    priorities: priorities({ [name]: 200 }),
    advertisementInterval,
  })
}
