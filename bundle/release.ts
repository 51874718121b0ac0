/* Makes what a release consists of: release.ts [FOLDER] (default: dist/kube-vrrp-VERSION). Publishing it is a person's step: docs/releases.md. */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { disagreements } from './versions.ts'
import { WITH_THE_PROGRAM } from './with-the-program.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** What kubectl and kubelets are given where there is no Helm. */
const MANIFESTS = ['install.yaml', 'static-pod.yaml']

const { version } = JSON.parse(read('package.json')) as { version: string }
const refusals = disagreements(version, read)
if (refusals.length > 0) refuse(refusals)
const helm = findHelm()
const folder = resolve(process.argv[2] ?? join(ROOT, 'dist', `kube-vrrp-${version}`))
const work = mkdtempSync(join(tmpdir(), 'kube-vrrp-release-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
/** As Go and container registries call it. */
const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const epoch = process.env['SOURCE_DATE_EPOCH'] ?? run('git', 'log', '-1', '--format=%ct').trim()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
say('The image …')
const archive = join(folder, `kube-vrrp-${version}-image-linux-${architecture}.tar`)
buildImage()
say('The program for plain Linux …')
const linux = packLinux(unpackImage(archive))
say('The chart and the manifests …')
run(helm, 'package', join(ROOT, 'charts/kube-vrrp'), '--destination', folder)
for (const name of MANIFESTS) cpSync(join(ROOT, 'deploy', name), join(folder, name))
say('Compressing …')
await Promise.all([archive, linux].map(file => promisify(execFile)('gzip', ['--no-name', file])))
writeFileSync(join(folder, 'SHA256SUMS'), checksums())
say(
  `\n${readFileSync(join(folder, 'SHA256SUMS'), 'utf8')}\nThe release is in ${folder}; docs/releases.md says how to publish it.`,
)

function buildImage(): void {
  const { status } = spawnSync(join(ROOT, 'bundle/image'), [archive], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
  })
  if (status !== 0) refuse(['the image was not built (see above)'])
}

/** The image's own files, so that both are the same program; returns their root. */
function unpackImage(archive: string): string {
  const [layers, root] = [join(work, 'layers'), join(work, 'root')]
  for (const path of [layers, root]) mkdirSync(path)
  run('tar', '-xf', archive, '-C', layers)
  const [manifest] = JSON.parse(readFileSync(join(layers, 'manifest.json'), 'utf8')) as { Layers: string[] }[]
  for (const layer of manifest?.Layers ?? []) run('tar', '-xf', join(layers, layer), '-C', root)
  return root
}

/** bin, lib and the rest in one folder that may lie anywhere, with the Node it was made for; returns the tar. */
function packLinux(root: string): string {
  const name = `kube-vrrp-${version}`
  const target = join(work, name)
  cpSync(join(root, 'app'), target, { recursive: true })
  cpSync(join(ROOT, 'bundle/linux/kube-vrrp'), join(target, 'bin/kube-vrrp'))
  cpSync(join(root, 'usr/local/bin/node'), join(target, 'runtime/node'))
  for (const library of globSync(join(root, 'lib/*/libatomic.so.1'))) {
    cpSync(library, join(target, 'runtime', basename(library)))
  }
  for (const path of WITH_THE_PROGRAM) cpSync(join(ROOT, path), join(target, path))
  const tar = join(folder, `${name}-linux-${architecture}.tar`)
  const sameEachTime = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w']
  run('tar', ...sameEachTime, '-cf', tar, '-C', work, name)
  return tar
}

function checksums(): string {
  const files = readdirSync(folder).sort()
  return files
    .map(
      file =>
        `${createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex')}  ${file}\n`,
    )
    .join('')
}

/** This machine's, or the one that test/tools/build made. */
function findHelm(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kube-vrrp', 'bin')
  const folders = [...(process.env['PATH'] ?? '').split(':'), cache]
  const found = folders.map(path => join(path, 'helm')).find(existsSync)
  return found ?? refuse(['helm is missing: install it, or run test/tools/build helm'])
}

function refuse(reasons: readonly string[]): never {
  for (const reason of reasons) say(`Cannot make a release: ${reason}`)
  process.exit(2)
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
