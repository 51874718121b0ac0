import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './lab/command.ts'
import { IMAGE, type ImageArchive, madeImages } from './lab/images.ts'

export interface UnpackedImage {
  /** A read-only mount; only /proc, /dev and /var/lib/kube-vrrp are what a container runtime would put there. */
  readonly root: string
  readonly config: {
    readonly Entrypoint?: readonly string[]
    readonly Env?: readonly string[]
    readonly User?: string
    readonly Labels?: Readonly<Record<string, string>>
  }
  /** In bytes, as it lies on a disk. */
  readonly size: number
}

/** The archive of kube-vrrp's own image. */
export function imageArchive(): ImageArchive {
  const made = madeImages().find(({ name }) => name === IMAGE)
  if (!made) throw new Error(`There is no archive of ${IMAGE} (run node test/cluster/lab/images.ts)`)
  return made
}

/** Unpacks it as a container runtime does. Gone with the lab: /run is a tmpfs of its own there. */
export async function unpackImage(): Promise<UnpackedImage> {
  const folder = mkdtempSync('/run/image-')
  const [layers, root] = [join(folder, 'layers'), join(folder, 'root')]
  for (const path of [layers, root]) mkdirSync(path)
  await runCommand('tar', ['-xf', imageArchive().file, '-C', layers])
  const [manifest] = JSON.parse(readFileSync(join(layers, 'manifest.json'), 'utf8')) as [Manifest]
  for (const layer of manifest.Layers) await runCommand('tar', ['-xpf', join(layers, layer), '-C', root])
  const { config } = JSON.parse(readFileSync(join(layers, manifest.Config), 'utf8')) as Pick<UnpackedImage, 'config'>
  const size = Number((await runCommand('du', ['-s', '--block-size=1', root])).split('\t')[0])
  await runCommand('rm', ['-r', layers])

  for (const path of ['proc', 'dev', 'var/lib/kube-vrrp', 'run']) mkdirSync(join(root, path), { recursive: true })
  await runCommand('mount', ['--bind', root, root])
  await runCommand('mount', ['-o', 'remount,bind,ro', root])
  await runCommand('mount', ['-t', 'proc', 'proc', join(root, 'proc')])
  await runCommand('mount', ['--bind', '/dev', join(root, 'dev')])
  await runCommand('mount', ['--bind', '/run', join(root, 'run')])
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', join(root, 'var/lib/kube-vrrp')])
  return { root, config, size }
}

interface Manifest {
  readonly Config: string
  readonly Layers: readonly string[]
}
