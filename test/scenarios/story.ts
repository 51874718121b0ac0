import { ipAddress } from '../../src/lib/ip-address.ts'
import { formatDuration, type Millis, parseDuration } from '../../src/lib/time.ts'
import type { Message, Observation, VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { type Happening, Lan } from '../simulation/lan.ts'

type Configs = Record<string, VirtualRouterConfig>

/**
 * Plays a story and gives its transcript, a line a step that an operator would care about.
 *
 *     routers  a=200 b=150  interval=1s        all of them; settings for all: interval version preemption delay addresses handover
 *     router   b interval=2s address=10.0.0.9  settings for one; `off`: it does not start by itself
 *     run 5s ; crash a ; start a unheard ; restart a ; stop a ; set a priority=80 ; cut a | b c ; heal
 *     lose 3 of a ; freeze a 5s ; sleep a 5s ; hear a priority=50 from=10.0.0.66
 *
 * Router number i has the address 10.0.0.i; the virtual router has 10.0.0.100 and VRID 51. A frozen router does not know that it
 * stood still, a sleeping one will.
 */
export function transcript(story: string): string {
  const lines = story.split('\n').map(line => line.replace(/#.*/, '').trim())
  const configs: Configs = {}
  const off = new Set<string>()
  for (const line of lines) {
    if (line.startsWith('routers ')) Object.assign(configs, routers(words(line).slice(1)))
    else if (line.startsWith('router ')) changeRouter(configs, off, words(line).slice(1))
  }
  const commands = lines.filter(line => !/^routers? /.test(line)).flatMap(line => line.split(';'))
  return new Story(configs, off).play(commands.map(words).filter(command => command.length > 0))
}

class Story {
  readonly #lan: Lan
  readonly #off: ReadonlySet<string>
  readonly #lines: string[] = []

  constructor(configs: Configs, off: ReadonlySet<string>) {
    this.#lan = new Lan(configs, () => 0)
    this.#off = off
    this.#lan.onStep = happening => this.#tell(happening)
  }

  play(commands: readonly (readonly string[])[]): string {
    for (const name of this.#lan.names()) if (!this.#off.has(name)) this.#lan.start(name)
    for (const command of commands) this.#do(command)
    return this.#lines.join('\n')
  }

  #do([verb = '', ...words]: readonly string[]): void {
    const act = this.#verbs[verb]
    if (!act) throw new RangeError(`No command "${verb}"`)
    act(words)
  }

  readonly #verbs: Readonly<Record<string, (words: readonly string[]) => void>> = {
    run: ([length]) => this.#lan.run(duration(length)),
    start: ([name = '', how]) => this.#lan.start(name, how === 'unheard'),
    stop: ([name = '']) => this.#lan.stop(name),
    crash: ([name = '']) => {
      this.#write(name, 'crashes')
      this.#lan.crash(name)
    },
    restart: ([name = '']) => {
      this.#lan.crash(name)
      this.#lan.start(name)
    },
    set: ([name = '', ...settings]) => {
      this.#write(name, `set ${settings.join(' ')}`)
      this.#lan.configure(name, settings.reduce(changed, this.#lan.config(name)))
    },
    cut: sides => {
      this.#write('-', `cut ${sides.join(' ')}`)
      this.#lan.partition(sides.join(' ').split('|').map(words))
    },
    heal: () => {
      this.#write('-', 'heal')
      this.#lan.heal()
    },
    lose: ([count, , name = '']) => {
      this.#write(name, `loses its next ${count}`)
      this.#lan.loseNext(name, Number(count))
    },
    freeze: ([name = '', length]) => {
      this.#write(name, `freezes for ${length}`)
      this.#lan.freeze(name, duration(length), false)
    },
    sleep: ([name = '', length]) => {
      this.#write(name, `sleeps for ${length}`)
      this.#lan.freeze(name, duration(length), true)
    },
    hear: ([name = '', ...settings]) => this.#hear(name, settings),
  }

  #hear(name: string, settings: readonly string[]): void {
    const from = settings.find(setting => setting.startsWith('from='))?.slice(5) ?? ''
    const others = settings.filter(setting => !setting.startsWith('from='))
    const { version, virtualRouterID, priority, advertisementInterval, addresses } = others.reduce(
      changed,
      this.#lan.config(name),
    )
    const advertisement = { version, virtualRouterID, priority, interval: advertisementInterval, addresses }
    this.#lan.hear(name, advertisement, ipAddress(from))
  }

  #tell({ router, before, event, result }: Happening): void {
    const said = result.observations.map(observation => this.#observed(observation))
    const regular = event.type === 'DeadlineReached' && before.name === 'Active' && result.messages.length === 1
    if (!regular) said.push(...result.messages.map(sent))
    if (said.length > 0) this.#write(router, said.join(', '))
  }

  #observed(observation: Observation): string {
    switch (observation.type) {
      case 'Transition':
        return `${observation.from} -> ${observation.to} (${observation.reason})`
      case 'HandedOver':
        return `releases (${observation.successor})`
      case 'IntervalMismatch':
        return `${this.#from(observation)} of ${formatDuration(observation.heard)}, not ${formatDuration(observation.configured)}`
      case 'AddressListMismatch':
        return `${this.#from(observation)} of ${observation.heard.map(address => address.text).join(' ')}`
      case 'VersionMismatch':
        return `${this.#from(observation)} of version ${observation.heard}`
      case 'LosingAdvertisement':
        return `${this.#from(observation)} with ${observation.priority}`
      case 'PriorityZeroReceived':
      case 'OwnAddressHeard':
        return this.#from(observation)
    }
  }

  #from({ type, source }: Exclude<Observation, { type: 'Transition' | 'HandedOver' }>): string {
    const sender = this.#lan.names().find(name => this.#lan.config(name).primaryAddress.text === source.text)
    return `${type} from ${sender ?? source.text}`
  }

  #write(router: string, what: string): void {
    this.#lines.push(`${(this.#lan.now / 1000).toFixed(3)}  ${router}  ${what}`)
  }
}

function sent(message: Message): string {
  switch (message.type) {
    case 'Advertise':
      return `advertises ${message.priority}`
    case 'Announce':
      return 'announces'
  }
}

function routers(settings: readonly string[]): Configs {
  const priorities = settings.filter(setting => /^[a-z]=/.test(setting))
  const common = settings.filter(setting => !priorities.includes(setting))
  const configs: Configs = {}
  for (const [i, setting] of priorities.entries()) {
    const [name = '', priority] = setting.split('=')
    const config = { ...seed, primaryAddress: ipAddress(`10.0.0.${i + 1}`), priority: Number(priority) }
    configs[name] = common.reduce(changed, config)
  }
  return configs
}

const seed: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 100,
  advertisementInterval: 1000,
  addresses: [ipAddress('10.0.0.100')],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: ipAddress('10.0.0.1'),
}

function changeRouter(configs: Configs, off: Set<string>, [name = '', ...settings]: readonly string[]): void {
  const config = configs[name]
  if (!config) throw new RangeError(`No router "${name}"`)
  if (settings.includes('off')) off.add(name)
  configs[name] = settings.filter(setting => setting !== 'off').reduce(changed, config)
}

function changed(config: VirtualRouterConfig, setting: string): VirtualRouterConfig {
  const [what, value = ''] = setting.split('=')
  switch (what) {
    case 'priority':
      return { ...config, priority: Number(value) }
    case 'interval':
      return { ...config, advertisementInterval: duration(value) }
    case 'version':
      return { ...config, version: value === '2' ? 2 : 3 }
    case 'preemption':
      return { ...config, preemption: value === 'Never' ? { mode: 'Never' } : { mode: 'Always', delay: 0 } }
    case 'handover':
      return { ...config, handover: duration(value) }
    case 'delay':
      return { ...config, preemption: { mode: 'Always', delay: duration(value) } }
    case 'address':
      return { ...config, primaryAddress: ipAddress(value) }
    case 'addresses':
      return { ...config, addresses: value.split(',').map(ipAddress) }
    default:
      throw new RangeError(`No setting "${setting}"`)
  }
}

function duration(text = ''): Millis {
  const millis = parseDuration(text)
  if (millis === undefined) throw new RangeError(`Not a duration: "${text}"`)
  return millis
}

function words(line: string): string[] {
  return line.split(/\s+/).filter(word => word !== '')
}
