import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Somebody else's work that is passed on with ours. */
export interface ThirdParty {
  readonly name: string
  readonly version: string
  /** As its author says it, e.g. `MIT`. */
  readonly licence: string
  /** Copyright and licence, in full. */
  readonly text: string
}

/** An npm package. Throws where it has no licence's text, which must be passed on with it. */
export function ofPackage(folder: string): ThirdParty {
  const described = readPackage(folder)
  const texts = readdirSync(folder)
    .filter(file => /^(licen[cs]e|copying|notice)\b/i.test(file))
    .sort()
    .map(file => readFileSync(join(folder, file), 'utf8'))
  const text = texts.length > 0 ? texts.join('\n') : licenceInReadme(folder)
  if (!text) throw new Error(`Cannot pass on ${folder}: it has neither a licence file nor a README with a licence`)
  return { ...described, text }
}

/** All of them, one after the other, for people. */
export function thirdPartyNotice(thirdParties: readonly ThirdParty[]): string {
  const rule = '='.repeat(100)
  return thirdParties
    .map(({ name, version, licence, text }) => `${rule}\n${name} ${version} (${licence})\n${rule}\n\n${text.trim()}\n`)
    .join('\n')
}

/** Headers that a package brings along have no package.json of their own. */
function readPackage(folder: string): Omit<ThirdParty, 'text'> {
  try {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { name, version, licence: license }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const { name, version, licence } = readPackage(join(folder, '../..'))
    return { name: basename(folder), version: `in ${name} ${version}`, licence }
  }
}

function licenceInReadme(folder: string): string | undefined {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8')
  return readme.match(/^# Licen[cs]e\n(.*)/ms)?.[1]
}
