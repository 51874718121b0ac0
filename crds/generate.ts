// Writes the CustomResourceDefinitions of src/api into this folder: node crds/generate.ts. With --check it writes nothing and
// says, by its exit status too, whether they are as src/api has them.
import { readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { customResourceDefinitions } from '../src/api/crds.ts'

const NOTICE = '# Generated from src/api by crds/generate.ts: change it there.\n'

/** File names and their texts. */
export function crdFiles(): Map<string, string> {
  return new Map(
    [...customResourceDefinitions()].map(([file, crd]) => [
      file,
      NOTICE + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
  )
}

/** The files of this folder that are not as src/api has them. */
export function outdatedCrdFiles(): string[] {
  return [...crdFiles()].filter(([file, text]) => readIfThere(file) !== text).map(([file]) => file)
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
  const outdated = outdatedCrdFiles()
  if (process.argv.includes('--check')) {
    for (const file of outdated)
      process.stderr.write(`crds/${file} is not as src/api has it: run node crds/generate.ts\n`)
    process.exitCode = outdated.length > 0 ? 1 : 0
  } else {
    for (const [file, text] of crdFiles()) writeFileSync(new URL(file, import.meta.url), text)
  }
}
