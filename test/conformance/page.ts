// docs/conformance.md, made of the requirements and of what shows them: node test/conformance/page.ts. With --check it writes nothing and
// says, by its exit status too, whether the page is as they have it.
import { readFileSync, writeFileSync } from 'node:fs'
import { DOCUMENTS } from './documents.ts'
import type { Document, NamedTest, Requirement } from './requirement.ts'

/** The text of docs/conformance.md. */
export function conformancePage(): string {
  return `# Conformance

<!-- Generated from test/conformance by its page.ts: change the requirements there, then \`make generate\`. -->

What RFC 9568 (with its verified errata), RFC 3768 (version 2) and the VRRP operations test suite of UNH-IOL ask, in our words, and what becomes
of it. Every line is a requirement of [\`test/conformance\`](../test/conformance), and its sentence is a test's name. *Shown* alone: by that
test, where the program's own engine, decoder and reception run on a clock of their own. Else the test that shows it on a kernel is named, and the
gate fails when it is there no more. *Departs*: what we do otherwise, and why; more of it in
[decision 2](decisions/0002-where-we-leave-the-rfc.md). *n/a*: nothing that kube-vrrp could do or leave.

${summary()}
${DOCUMENTS.map(sectionOf).join('\n')}`
}

function summary(): string {
  const rows = DOCUMENTS.map(({ name, requirements }) => {
    const count = (what: string) => requirements.filter(each => verdict(each) === what).length
    const cells = ['shown', 'shown, departs', 'departs', 'n/a'].map(count)
    return `| ${name} | ${requirements.length} | ${cells.join(' | ')} |\n`
  })
  const head =
    '| | Requirements | Shown | Shown, where it is to the letter; else it departs | Departs | n/a |\n|---|---|---|---|---|---|\n'
  return head + rows.join('')
}

function verdict(requirement: Requirement): 'shown' | 'shown, departs' | 'departs' | 'n/a' {
  if ('notOurs' in requirement) return 'n/a'
  const isShown = 'shows' in requirement || 'shownIn' in requirement
  if (!isShown) return 'departs'
  return requirement.departs === undefined ? 'shown' : 'shown, departs'
}

function sectionOf({ name, url, requirements }: Document): string {
  const rows = requirements.map(
    each => `| ${each.section} | ${each.level === 'case' ? '' : each.level} | ${each.says} | ${outcome(each)} |\n`,
  )
  return `## ${name}\n\n<${url}>\n\n| § | | | |\n|---|---|---|---|\n${rows.join('')}`
}

function outcome(requirement: Requirement): string {
  if ('notOurs' in requirement) return `n/a: ${requirement.notOurs}`
  const shown = 'shows' in requirement ? ['shown'] : []
  const elsewhere = 'shownIn' in requirement ? [`shown by ${requirement.shownIn.map(linkTo).join(', ')}`] : []
  const departs = requirement.departs === undefined ? [] : [`**departs**: ${requirement.departs}`]
  return [...shown, ...elsewhere, ...departs].join('; ')
}

function linkTo({ file, test }: NamedTest): string {
  const name = /([^/]+?)(\.test)?\.\w+$/.exec(file)?.[1] ?? file
  return `[${name}](../${file})${test === '' ? '' : ` “${test.trim()}”`}`
}

export const PAGE = new URL('../../docs/conformance.md', import.meta.url)

if (import.meta.main) {
  const text = conformancePage()
  if (!process.argv.includes('--check')) writeFileSync(PAGE, text)
  else if (readFileSync(PAGE, 'utf8') !== text) {
    process.stderr.write('docs/conformance.md is not as test/conformance has it: run make generate\n')
    process.exitCode = 1
  }
}
