import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstToAnswer } from '../../src/cli/first-to-answer.ts'
import type { StatusSource } from '../../src/cli/status-source.ts'
import { refusal } from '../../src/kube/kube-error.ts'

/** A source with one VirtualIP, called as the source is, or one that refuses. */
function source(name: string, refusal?: string): StatusSource {
  const answer = () => {
    if (refusal !== undefined) throw new Error(refusal)
    return [{ name, status: {} }]
  }
  return { list: async () => answer(), watch: async onChange => onChange(answer()) }
}

async function ask(api: StatusSource | Error, agent: StatusSource | undefined) {
  const said: string[] = []
  const openApi = async () => {
    if (api instanceof Error) throw api
    return api
  }
  const chosen = firstToAnswer(openApi, agent, sentence => said.push(sentence))
  const listed = (await chosen.list()).map(({ name }) => name)
  const watched: string[] = []
  await chosen.watch(entries => watched.push(...entries.map(({ name }) => name)), new AbortController().signal)
  return { listed, watched, said }
}

test('the API server is asked first, and watched', async () => {
  assert.deepEqual(await ask(source('api'), source('agent')), { listed: ['api'], watched: ['api'], said: [] })
})

test('where it does not answer the agent does, and it is said', async () => {
  assert.deepEqual(await ask(source('api', 'Cannot list virtualips: ECONNREFUSED'), source('agent')), {
    listed: ['agent'],
    watched: ['agent'],
    said: ['Cannot list virtualips: ECONNREFUSED; this is what the agent of this node knows:'],
  })
})

test('in an agent’s pod, whose account may not list VirtualIPs, no rights are asked for', async () => {
  assert.deepEqual(await ask(refusal('Cannot list virtualips', 403, ''), source('agent')), {
    listed: ['agent'],
    watched: ['agent'],
    said: ['The API server does not show VirtualIPs to this account; this is what the agent of this node knows:'],
  })
})

test('where there is no cluster the agent answers and nothing needs saying', async () => {
  const refusal = new Error('Cannot find a kubeconfig: ~/.kube/config does not exist')
  assert.deepEqual(await ask(refusal, source('agent')), { listed: ['agent'], watched: ['agent'], said: [] })
})

test('where neither answers both are said in one line', async () => {
  await assert.rejects(ask(new Error('Cannot find a kubeconfig'), source('agent', 'Cannot ask the agent')), {
    message: 'Cannot find a kubeconfig; Cannot ask the agent',
  })
})

test('where the agent is not to be asked it is not', async () => {
  await assert.rejects(ask(source('api', 'Cannot list virtualips'), undefined), { message: 'Cannot list virtualips' })
})
