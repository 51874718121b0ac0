import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** What an agent was last told, kept so that a node that boots while the API server is down still takes part. */
export interface StoredConfig {
  readonly generation: number
  /** As received: it is parsed again when read, by whatever version reads it. */
  readonly spec: unknown
  /** Passwords and keys by `secret/key`, in base64 as in a Secret's data, which hides nothing: the folder is 0700, the file 0600. */
  readonly secrets: Readonly<Record<string, string>>
}

export class ConfigStore {
  readonly #file: string

  /** `folder` is the instance's own; it is made where it is missing, and 0700 in any case. Throws with a sentence where that is refused. */
  constructor(folder: string) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw new Error(
        `Cannot make the state folder ${folder}: ${(cause as NodeJS.ErrnoException).code} (choose another with --state-dir)`,
        { cause },
      )
    }
    closeToOthers(folder)
    this.#file = join(folder, 'spec.json')
  }

  /** The last config, or undefined where there is none; throws where it can't be read or is no JSON. */
  read(): StoredConfig | undefined {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Error(`Cannot read the last spec in ${this.#file}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
    }
    try {
      return asStored(JSON.parse(text))
    } catch (cause) {
      throw new Error(`The last spec in ${this.#file} is no JSON and is left out`, { cause })
    }
  }

  /** Atomically: after a power cut the old one or the new one is there, whole. */
  write(config: StoredConfig): void {
    const draft = `${this.#file}.new`
    const descriptor = openSync(draft, 'w', 0o600)
    try {
      // A draft that was left behind keeps the mode it had.
      fchmodSync(descriptor, 0o600)
      writeSync(descriptor, JSON.stringify(config))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(draft, this.#file)
  }
}

/** Version 0.1.0 had `passwords`, as they are. */
function asStored({ passwords = {}, ...config }: StoredConfig & { passwords?: Record<string, string> }): StoredConfig {
  const encoded = Object.entries(passwords).map(([key, text]) => [key, new TextEncoder().encode(text).toBase64()])
  return { ...config, secrets: config.secrets ?? Object.fromEntries(encoded) }
}

/** Whoever made the folder before, a kubelet (0755) or a person, did not know that passwords would be in it. */
function closeToOthers(folder: string): void {
  if ((statSync(folder).mode & 0o777) === 0o700) return
  try {
    chmodSync(folder, 0o700)
  } catch (cause) {
    throw new Error(
      `Cannot close the state folder ${folder} to other users: ${(cause as NodeJS.ErrnoException).code} (it must belong to the user that the agent runs as)`,
      { cause },
    )
  }
}
