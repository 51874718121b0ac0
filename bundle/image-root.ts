/* The whole file system of the image: image-root.ts FOLDER. Run in the Dockerfile; on Debian, for whose packages it accounts. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { bundle } from './bundle.ts'
import { type ThirdParty, thirdPartyNotice } from './third-party.ts'

const NODE = '/usr/local/bin/node'
/** The first is who runs an agent, the second who runs a controller. */
const USERS = ['root:x:0:0:root:/:/sbin/nologin', 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin']
const GROUPS = ['root:x:0:', 'nonroot:x:65532:']
/** There is no shell to start it with flags, nor to `kubectl exec` it. */
const LAUNCHER = `#!${NODE}\nimport('/app/lib/main.js')\n`

const [folder] = process.argv.slice(2)
if (!folder) {
  process.stderr.write('Cannot make a root file system: no folder was given (node bundle/image-root.ts FOLDER)\n')
  process.exit(2)
}
const app = join(folder, 'app')
const packages = await bundle(app)
const machineCode = [NODE, ...globSync(join(app, '**/*.node'))]
const libraries = [...new Set(machineCode.flatMap(librariesOf))].sort()

const node = install(NODE)
for (const file of [node, ...machineCode.slice(1)]) run('strip', '--strip-unneeded', file)
// Where it is unpacked on a machine without libatomic it finds the one beside it.
run('patchelf', '--set-rpath', '$ORIGIN', node)
for (const library of libraries) install(library)
write('usr/local/bin/kube-vrrp', LAUNCHER)
chmodSync(join(folder, 'usr/local/bin/kube-vrrp'), 0o755)
write('etc/passwd', `${USERS.join('\n')}\n`)
write('etc/group', `${GROUPS.join('\n')}\n`)
writeFileSync(join(app, 'THIRD-PARTY'), thirdPartyNotice([...packages, nodeItself(), ...debianPackages(libraries)]))

/** Also what those need in turn, and the loader. */
function librariesOf(file: string): string[] {
  return [...run('ldd', file).matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

/** Copies a file of this machine to the same path in the image, by a name that is no link; returns where it went. */
function install(path: string): string {
  const target = join(folder as string, path)
  cpSync(realpathSync(path), target)
  return target
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder as string, path)), { recursive: true })
  writeFileSync(join(folder as string, path), text)
}

function nodeItself(): ThirdParty {
  const text = readFileSync(join(dirname(NODE), '../LICENSE'), 'utf8')
  return { name: 'Node.js', version: process.versions.node, licence: 'MIT, and its own third parties', text }
}

function debianPackages(files: readonly string[]): ThirdParty[] {
  const names = new Set(files.map(file => run('dpkg', '--search', `*/${basename(file)}`).split(':')[0] ?? ''))
  const copyrights = [...names].sort().map(name => ({
    name,
    version: run('dpkg-query', '--show', `--showformat=\${source:Package} \${source:Version}`, name),
    text: readFileSync(`/usr/share/doc/${name}/copyright`, 'utf8'),
  }))
  const named = copyrights.flatMap(({ text }) => text.match(/\/usr\/share\/common-licenses\/[\w.-]*\w/g) ?? [])
  return [
    ...copyrights.map(({ version, text, ...rest }) => ({
      ...rest,
      version: `from Debian's source package ${version}`,
      licence: 'as below',
      text,
    })),
    ...[...new Set(named)].sort().map(path => ({
      name: basename(path),
      version: '',
      licence: 'named above',
      text: readFileSync(path, 'utf8'),
    })),
  ]
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' })
}
