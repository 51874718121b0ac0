import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { transcript } from './story.ts'

// UPDATE_SCENARIOS=1 rewrites the transcripts: read the difference before you commit it.
const { UPDATE_SCENARIOS } = process.env

for (const file of readdirSync(import.meta.dirname).filter(name => name.endsWith('.txt'))) {
  const path = `${import.meta.dirname}/${file}`
  const [story = '', expected = ''] = readFileSync(path, 'utf8').split('----\n')
  test(firstSentence(story), () => {
    const told = `${transcript(story)}\n`
    if (UPDATE_SCENARIOS === '1') writeFileSync(path, `${story}----\n${told}`)
    else assert.equal(told, expected, `${file} tells another story`)
  })
}

function firstSentence(story: string): string {
  const comment = story.match(/^(# .*\n)+/)?.[0] ?? ''
  return comment.replaceAll('\n', ' ').replaceAll('# ', '').split(/[.:] /)[0] ?? ''
}
