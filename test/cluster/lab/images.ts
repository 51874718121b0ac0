/*
 * The images of a cluster, made where no registry is and kept in the cache: images.ts [base|pause|kube-vrrp]…, all of them where none is
 * named. What has not changed is not made again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { BASE_IMAGE, ensureBaseImage } from './base-image.ts'
import { buildah, commitImage, imageId, imageLabel } from './buildah.ts'
import { CACHE, cached } from './cache.ts'
import { runCommand } from './command.ts'
import { lock } from './lock.ts'
import { ROOT } from './root.ts'
import { say, step } from './step.ts'

export const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version

/** For workloads of tests: Debian with Node. */
export const WORKLOAD_IMAGE = BASE_IMAGE
export const PAUSE_IMAGE = 'kube-vrrp.test/pause:1'
/** By the repository's Dockerfile. */
export const IMAGE = `docker.io/kube-vrrp/kube-vrrp:${VERSION}`
/** The same under another tag, to upgrade to. */
export const NEXT_IMAGE = `docker.io/kube-vrrp/kube-vrrp:${VERSION}-next`

/** An image as a file that containerd can import. */
export interface ImageArchive {
  readonly id: string
  readonly name: string
  /** Further names. */
  readonly tags: readonly string[]
  readonly file: string
}

const RECIPES: Readonly<Record<string, () => Promise<ImageArchive>>> = {
  pause: async () => {
    await ensurePauseImage()
    return archive('pause', PAUSE_IMAGE)
  },
  base: async () => {
    await ensureBaseImage()
    return archive('base', BASE_IMAGE)
  },
  'kube-vrrp': async () => {
    await ensureBaseImage()
    await buildImage()
    return archive('kube-vrrp', IMAGE, [NEXT_IMAGE])
  },
}
const MAX_KEPT_BUILDS = 20
const NAMES = Object.keys(RECIPES)

if (import.meta.main) await main(process.argv.slice(2))

/** What `images.ts` made last. Throws where it has not run. */
export function madeImages(): ImageArchive[] {
  const missing = NAMES.filter(name => !existsSync(recordOf(name)))
  if (missing.length > 0)
    throw new Error(`There is no image of ${missing.join(', ')} (run node test/cluster/lab/images.ts)`)
  return NAMES.map(name => JSON.parse(readFileSync(recordOf(name), 'utf8')) as ImageArchive)
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter(name => !NAMES.includes(name))
  if (unknown.length > 0) {
    process.stderr.write(`There is no recipe for ${unknown.join(', ')} (there is one for ${NAMES.join(', ')})\n`)
    process.exit(2)
  }
  mkdirSync(cached('images'), { recursive: true })
  const held = await lock(join(CACHE, 'images.lock'), {
    onWait: () => say('Another process makes images: waiting for it …'),
  })
  for (const name of names.length > 0 ? names : NAMES) {
    const made = await RECIPES[name]?.()
    if (made) writeFileSync(recordOf(name), JSON.stringify(made, undefined, 2))
  }
  held.release()
}

function recordOf(name: string): string {
  return cached('images', `${name}.json`)
}

async function ensurePauseImage(): Promise<void> {
  const source = fileURLToPath(new URL('pause.c', import.meta.url))
  const recipe = readFileSync(source, 'utf8')
  if ((await imageLabel(PAUSE_IMAGE, 'recipe')) === recipe) return
  await step('pause image', async () => {
    const program = cached('images', 'pause')
    await runCommand('cc', ['-static', '-Os', '-s', '-o', program, source])
    await commitImage(PAUSE_IMAGE, async container => {
      await buildah(['copy', '--quiet', container, program, '/pause'])
      await buildah(['config', '--entrypoint', '["/pause"]', '--label', `recipe=${recipe}`, container])
    })
    rmSync(program)
  })
}

/** The Dockerfile as it is, from local images alone. Where npm finds its registry here, and whom Node trusts, is lent to the build. */
async function buildImage(): Promise<void> {
  const registry = (await runCommand('npm', ['config', 'get', 'registry'])).trim()
  const [npmrc, authorities] = [cached('npmrc'), cached('authorities.pem')]
  writeFileSync(npmrc, `registry=${registry}\ncafile=/root/authorities.pem\n`)
  writeFileSync(authorities, [...getCACertificates('default'), ...getCACertificates('system')].join('\n'))
  const lent = ['-v', `${npmrc}:/root/.npmrc:ro`, '-v', `${authorities}:/root/authorities.pem:ro`]
  const local = ['--pull-never', '--layers', '--isolation', 'chroot', '--network', 'host']
  await sweepBuilds()
  await step('kube-vrrp image', () => buildah(['build', ...local, ...lent, '--tag', IMAGE, ROOT]))
}

/** What builds that were killed left; and now and then the steps of all that have been, at 200 MB a build. */
async function sweepBuilds(): Promise<void> {
  await buildah(['rm', '--all'])
  const builds = (await buildah(['images', '--quiet', '--filter', 'dangling=true'])).split('\n')
  if (builds.length > MAX_KEPT_BUILDS) await step('old builds removed', () => buildah(['rmi', '--prune', '--force']))
}

async function archive(short: string, name: string, tags: readonly string[] = []): Promise<ImageArchive> {
  const id = await imageId(name)
  if (id === undefined) throw new Error(`buildah has no image ${name}`)
  const file = `${short}-${id.slice(0, 12)}.tar`
  const files = readdirSync(cached('images'))
  if (!files.includes(file)) {
    await step(`${short} image exported`, async () => {
      const half = cached('images', `.${file}`)
      rmSync(half, { force: true })
      await buildah(['push', '--quiet', name, `docker-archive:${half}:${name}`])
      await runCommand('mv', [half, cached('images', file)])
    })
  }
  for (const old of files) {
    if (old.startsWith(`${short}-`) && old.endsWith('.tar') && old !== file) rmSync(cached('images', old))
  }
  return { id, name, tags, file: cached('images', file) }
}
