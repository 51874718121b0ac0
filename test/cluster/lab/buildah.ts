import { cached } from './cache.ts'
import { type CommandOptions, runCommand } from './command.ts'

/** Runs buildah on the lab's own image store; resolves with its output, without the last line's end. */
export async function buildah(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const store = ['--root', cached('storage'), '--runroot', cached('storage-run')]
  return (await runCommand('buildah', [...store, ...args], { within: 900, ...options })).trim()
}

/** The ID of an image, or undefined where there is none of that name. */
export async function imageId(name: string): Promise<string | undefined> {
  const images = JSON.parse(await buildah(['images', '--json'])) as { id: string; names: string[] | null }[]
  return images.find(({ names }) => names?.includes(name))?.id
}

/** A label of an image, or undefined where image or label is missing. */
export async function imageLabel(name: string, label: string): Promise<string | undefined> {
  if ((await imageId(name)) === undefined) return undefined
  const { OCIv1 } = JSON.parse(await buildah(['inspect', '--type', 'image', name])) as Inspected
  return OCIv1.config.Labels?.[label]
}

interface Inspected {
  readonly OCIv1: { readonly config: { readonly Labels?: Readonly<Record<string, string>> } }
}

/** Makes an image `name` in a working container that `fill` is given the name of. */
export async function commitImage(name: string, fill: (container: string) => Promise<void>): Promise<void> {
  const container = await buildah(['from', 'scratch'])
  try {
    await fill(container)
    await buildah(['commit', '--quiet', container, name])
  } finally {
    await buildah(['rm', container])
  }
}
