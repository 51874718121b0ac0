/* docs/fuzzing.md: what all recorded parts of `make fuzz` come to. */
import { writeFileSync } from 'node:fs'
import { recordedRuns } from '../lab/ledger.ts'

const PATH = new URL('../../docs/fuzzing.md', import.meta.url)

/** Writes the sums of all parts. */
export function writeReport(): void {
  const runs = recordedRuns('fuzz')
  const sums = new Map<string, number>()
  for (const { counts } of runs)
    for (const [key, count] of Object.entries(counts)) sums.set(key, (sums.get(key) ?? 0) + count)
  const of = (prefix: string) => [...sums].filter(([key]) => key.startsWith(prefix))
  const packets = of('packets: ')
  const texts = of('texts: ')
  const total = (rows: readonly (readonly [string, number])[]) => rows.reduce((sum, [, count]) => sum + count, 0)
  const rows = [...packets, ...texts].map(([key, count]) => `| ${key} | ${figure(count)} |`)
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0)
  writeFileSync(
    PATH,
    `${INTRODUCTION}
| | |
|---|---|
${rows.join('\n')}
| **all packets** | **${figure(total(packets))}** |
| of these mutated captured ones, lengths and checksum made right | ${figure(sums.get('packets that are sealed') ?? 0)} |
| of these taken for a value, all others refused | ${figure(sums.get('packets that are values') ?? 0)} |
| **all texts** | **${figure(total(texts))}** |
| **failures** | **${figure(sums.get('failures') ?? 0)}** |

${runs.length} ${runs.length === 1 ? 'part' : 'parts'}, ${figure(Math.round(seconds / 60))} minutes of one core, commits ${commits(runs)}.
`,
  )
}

const INTRODUCTION = `# Fuzzing

\`make fuzz MINUTES=15\` runs a part and adds it up here; \`make test\` runs a short one, with the same seed each time. \`test/fuzz\` has it:

- **Packets** for every decoder: VRRP 2 and 3 over IPv4 and IPv6, ARP, Neighbor Advertisements, and the kernel's netlink messages. Half are captured
  ones, changed in one to four places, whose lengths and checksum are made right again; a quarter are changed only; a quarter is noise. Each must
  be a value or a refusal with a sentence. A value, encoded, must be the same bytes. Memory must not grow.
- **Texts** for the parser of VirtualIP files and the importer of keepalived.conf, by mutation of what uses every field; in half of the time also of what was found
  to run code that nothing before did (V8's block coverage). Each must be a value or sentences with line numbers. A file that is accepted must plan, and written
  out and read again be the same; what is imported must be a file that is accepted. Text that grows, in sixty ways, must take work in proportion.
`

function figure(count: number): string {
  return count.toLocaleString('en')
}

function commits(runs: readonly { readonly commit: string }[]): string {
  return [...new Set(runs.map(({ commit }) => commit))].join(', ')
}
