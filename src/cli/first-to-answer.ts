import { hasReason } from '../kube/kube-error.ts'
import type { StatusEntry, StatusSource } from './status-source.ts'

/**
 * The API server, which knows of every node, where it answers; else the agent of this node, if one may be asked, with a word on `say`
 * about why the API server did not. That there is no cluster at all goes without saying.
 */
export function firstToAnswer(
  openApi: () => Promise<StatusSource>,
  agent: StatusSource | undefined,
  say: (sentence: string) => void,
): StatusSource {
  let answering: StatusSource | undefined

  async function askApi(): Promise<readonly StatusEntry[]> {
    const source = await openApi()
    const entries = await source.list()
    answering = source
    return entries
  }

  async function askAgent(source: StatusSource, failure: Error): Promise<readonly StatusEntry[]> {
    try {
      const entries = await source.list()
      const why = hasReason(failure, 'Forbidden') ? NOT_SHOWN : failure.message
      if (!why.startsWith(NO_CLUSTER)) say(`${why}; this is what the agent of this node knows:`)
      answering = source
      return entries
    } catch (error) {
      throw new Error(`${failure.message}; ${(error as Error).message}`, { cause: error })
    }
  }

  return {
    async list() {
      try {
        return await askApi()
      } catch (error) {
        if (!agent) throw error
        return askAgent(agent, error as Error)
      }
    },
    watch: async (onChange, signal) => answering?.watch(onChange, signal),
  }
}

/** How the refusal of `openClient` begins where nobody said that there is a cluster. */
const NO_CLUSTER = 'Cannot find a kubeconfig'
/** The ordinary case in an agent's pod, whose account has no need of them: nothing to be mended. */
const NOT_SHOWN = 'The API server does not show VirtualIPs to this account'
