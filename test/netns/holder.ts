/*
 * Holds addresses as an agent does, and waits to be killed.
 *   node holder.ts FOLDER (mark|list) LINK PREFIX...
 */
import { parsePrefix } from '../../src/lib/ip-address.ts'
import { addressChanges } from '../../src/linux/address-changes.ts'
import { openAddresses } from '../../src/linux/addresses.ts'
import { watchLinks } from '../../src/linux/links.ts'
import { openOwnership } from '../../src/linux/ownership.ts'

const [folder = '', evidence, linkName = '', ...prefixes] = process.argv.slice(2)
const ownership = openOwnership(folder, { echoesMark: evidence === 'mark' })
// Mark 0 is no mark: the kernel doesn't tell it, as it tells none before 5.18.
const addresses = await openAddresses(evidence === 'mark' ? ownership.mark : 0, 60_000)
const { links } = await watchLinks(() => {})
const link = [...links.values()].find(({ name }) => name === linkName)
const desired = prefixes.flatMap(text => {
  const prefix = parsePrefix(text)
  return link && prefix ? [{ linkIndex: link.index, linkName, prefix }] : []
})
const changes = addressChanges(desired, links, (link, address) => ownership.isOurs(link.name, address))
ownership.record(changes)
const errors = await addresses.apply(changes)
ownership.confirm(changes.filter((_, i) => errors[i] === undefined))
process.stdout.write(`${JSON.stringify(errors.map(error => error?.message ?? null))}\n`)
setInterval(() => {}, 1000)
