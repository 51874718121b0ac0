// Writes what is made from src/api: the CustomResourceDefinitions of this folder, the chart's copies of them and docs/virtual-ip.md:
// node crds/generate.ts. With --check it writes nothing and says, by its exit status too, whether they are as src/api has them.
import { readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { customResourceDefinitions } from '../src/api/crds.ts'
import { virtualIPReference } from '../src/api/reference.ts'

const NOTICE = '# Generated from src/api by crds/generate.ts: change it there.\n'

/** File names, from this folder, and their texts. */
export function generatedFiles(): Map<string, string> {
  const crds = [...customResourceDefinitions()].map(([file, crd]): [string, string] => [
    file,
    NOTICE + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false }),
  ])
  const copies = crds.map(([file, text]): [string, string] => [`../charts/kube-vrrp/files/crds/${file}`, text])
  return new Map([...crds, ...copies, ['../docs/virtual-ip.md', virtualIPReference()]])
}

/** The files that are not as src/api has them. */
export function outdatedFiles(): string[] {
  return [...generatedFiles()].filter(([file, text]) => readIfThere(file) !== text).map(([file]) => file)
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(new URL(file, import.meta.url), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

if (import.meta.main) {
  const outdated = outdatedFiles()
  if (process.argv.includes('--check')) {
    for (const file of outdated) process.stderr.write(`crds/${file} is not as src/api has it: run make generate\n`)
    process.exitCode = outdated.length > 0 ? 1 : 0
  } else {
    for (const [file, text] of generatedFiles()) writeFileSync(new URL(file, import.meta.url), text)
  }
}
