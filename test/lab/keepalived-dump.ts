/** What keepalived's dump of its data (`--dump-conf`) says of a vrrp_instance. */
export interface DumpedInstance {
  readonly name: string
  readonly version: number
  /** The link under a virtual MAC's. */
  readonly link: string
  readonly virtualRouterID: number
  readonly priority: number
  /** In milliseconds. */
  readonly interval: number
  /** Each with its prefix length unless it is the whole address; those that are advertised. */
  readonly addresses: readonly string[]
  /** Those that are held, and not advertised. */
  readonly excluded: readonly string[]
  /** Empty with multicast. */
  readonly peers: readonly string[]
  /** Its sync group. */
  readonly group?: string
}

/** The instances of a dump that was logged to the console, in their order. */
export function dumpedInstances(log: string): DumpedInstance[] {
  const lines = log
    .split('\n')
    .map(line => line.replace(/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}: /, ''))
  const start = lines.findIndex(line => line.includes('------< VRRP Topology >------'))
  const end = lines.findIndex((line, i) => i > start && line.startsWith('------<'))
  if (start < 0 || end < 0) throw new Error(`keepalived has dumped nothing:\n${log}`)
  const sections: string[][] = []
  for (const line of lines.slice(start + 1, end)) {
    if (/^ VRRP Instance = /.test(line)) sections.push([])
    sections.at(-1)?.push(line)
  }
  return sections.map(dumpedInstance)
}

/** Whether all that `dumpedInstances` reads has been logged. */
export function isDumpComplete(log: string): boolean {
  return /< VRRP Topology >-+\n[\s\S]*------</.test(log)
}

function dumpedInstance(lines: readonly string[]): DumpedInstance {
  const value = (what: string): string => {
    const found = lines.find(line => line.trim().startsWith(`${what} = `))
    if (found === undefined) throw new Error(`No "${what}" in a dump of keepalived:\n${lines.join('\n')}`)
    return found.slice(found.indexOf(' = ') + 3)
  }
  const link = value('Interface')
  const [, group] = /^ {3}Sync group = (.+)$/m.exec(lines.join('\n')) ?? []
  return {
    name: value('VRRP Instance'),
    version: Number(value('VRRP Version')),
    link: / on ([^,\s]+)/.exec(link)?.[1] ?? link,
    virtualRouterID: Number(value('Virtual Router ID')),
    priority: Number(value('Priority')),
    interval: Number.parseFloat(value('Advert interval')) * (value('Advert interval').endsWith('milli-sec') ? 1 : 1000),
    addresses: listed(lines, /^ {3}Virtual IP \(/),
    excluded: listed(lines, /^ {3}Virtual IP Excluded/),
    peers: listed(lines, /^ {3}Unicast Peer :/),
    ...(group === undefined ? {} : { group }),
  }
}

/** The first words of the lines that are below a heading. */
function listed(lines: readonly string[], heading: RegExp): string[] {
  const start = lines.findIndex(line => heading.test(line))
  if (start < 0) return []
  const below = lines.slice(start + 1)
  const end = below.findIndex(line => !/^ {5}/.test(line))
  return below.slice(0, end < 0 ? below.length : end).flatMap(line => line.trim().split(' ')[0] ?? [])
}
