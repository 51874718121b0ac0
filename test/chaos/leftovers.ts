import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveCluster } from '../apiserver/live-cluster.ts'
import type { Asked } from './virtual-ips.ts'

/** From the last fault's end on. */
const CALM_WITHIN = 60_000
const STAYS_CALM = 2000

/**
 * What is wrong when nothing is done any more: the status names one MASTER each, which alone has the addresses, and no node has anything else of them, on
 * its links or in nftables. Empty: nothing is wrong.
 */
export async function leftovers(
  cluster: LiveCluster,
  asked: readonly Asked[],
  say: (line: string) => void,
): Promise<string[]> {
  let wrong: string[] = []
  const end = performance.now() + CALM_WITHIN
  do {
    await sleep(200)
    wrong = await look(cluster, asked)
  } while (wrong.length > 0 && performance.now() < end)
  await sleep(STAYS_CALM)
  const later = await look(cluster, asked)
  say(await cluster.api.kubectl(['get', 'vip']))
  return [...new Set([...wrong, ...later])]
}

/** An API server that has just begun may not know VirtualIPs yet. */
function look(cluster: LiveCluster, asked: readonly Asked[]): Promise<string[]> {
  return lookAt(cluster, asked).catch(error => [error instanceof Error ? error.message : String(error)])
}

async function lookAt(cluster: LiveCluster, asked: readonly Asked[]): Promise<string[]> {
  const wrong: string[] = []
  const links = new Map(cluster.nodes.map(node => [node.name, node.run('ip', '-oneline', 'address')]))
  const fences = new Map(cluster.nodes.map(node => [node.name, node.run('nft', 'list', 'ruleset')]))
  const isNamedIn = (texts: ReadonlyMap<string, string>, address: string): string[] =>
    [...texts].filter(([, text]) => new RegExp(`\\s${address}[/\\s,]`).test(text)).map(([name]) => name)

  const lines = (await cluster.api.kubectl(['get', 'vip', '--no-headers'])).trim().split('\n')
  for (const { name, addresses, ranking } of asked) {
    const [, , master = '', ready, backups] = lines.find(line => line.startsWith(`${name} `))?.split(/\s+/) ?? []
    const planned = ranking.length - 1
    if (ready !== 'True' || backups !== `${planned}/${planned}`)
      wrong.push(`${name}: READY ${ready}, BACKUPS ${backups}`)
    for (const address of addresses) {
      const holders = isNamedIn(links, address)
      const fenced = isNamedIn(fences, address)
      if (holders.join() !== master)
        wrong.push(`${name}: MASTER ${master}, but ${address} is on ${holders.join(' and ')}`)
      if (fenced.join() !== master)
        wrong.push(`${name}: MASTER ${master}, but ${address} is fenced on ${fenced.join(' and ')}`)
    }
  }
  for (const [name, text] of fences) {
    const tables = text.match(/^table /gm)?.length ?? 0
    if (tables !== 2) wrong.push(`${name} has ${tables} tables in nftables`)
  }
  return wrong
}
