/* The program without its sources: bundle.ts FOLDER. `node FOLDER/lib/main.js` then runs it, on an architecture and a Node like this one. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { copyNativeModules, NATIVE_MODULES } from './native-modules.ts'
import { ofPackage, type ThirdParty, thirdPartyNotice } from './third-party.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Packages written for CommonJS ask for Node's own modules by `require`. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"
/** Compiled into the native modules. */
const HEADERS = ['nan', 'koffi/vendor/node-addon-api', 'koffi/vendor/node-api-headers'] as const

/** Fills `folder`, which is emptied first; returns whose work is in it beside ours. */
export async function bundle(folder: string): Promise<ThirdParty[]> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // Names stay, so that the stack in a log can be read.
  const { metafile } = await build({
    absWorkingDir: ROOT,
    // The second is what a thread begins with.
    entryPoints: { main: 'src/main.ts', 'watch-worker': 'src/kube/watch-worker.ts' },
    outdir: join(folder, 'lib'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'esnext',
    external: [...NATIVE_MODULES],
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: 'warning',
  })
  const modules = join(ROOT, 'node_modules')
  const native = copyNativeModules(modules, join(folder, 'node_modules'), process.arch)
  const packages = new Set([...bundledPackages(metafile), ...native, ...HEADERS])
  const thirdParties = [...packages].sort().map(name => ofPackage(join(modules, name)))
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ name, version, license, type: 'module' }, null, 2)}\n`,
  )
  writeFileSync(join(folder, 'LICENSE'), readFileSync(join(ROOT, 'LICENSE')))
  writeFileSync(join(folder, 'THIRD-PARTY'), thirdPartyNotice(thirdParties))
  return thirdParties
}

/** `@scope/name`, or `a/node_modules/b` where a has a b of its own. */
function bundledPackages({ outputs }: Metafile): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))
  return files.flatMap(file => file.match(/^node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/)?.[1] ?? [])
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (!folder) {
    process.stderr.write('Cannot bundle: no folder was given (node bundle/bundle.ts FOLDER)\n')
    process.exit(2)
  }
  await bundle(folder)
}
