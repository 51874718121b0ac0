import { cpSync } from 'node:fs'
import { join } from 'node:path'

/** Packages that load machine code by its path, and so stay what they are. */
export const NATIVE_MODULES = ['koffi', 'raw-socket'] as const

/** Copies what they need at run time on glibc, out of all that they bring; returns the names of the packages. `arch` is Node's word: x64, arm64. */
export function copyNativeModules(from: string, to: string, arch: string): string[] {
  const koffi = `@koromix/koffi-linux-${arch}`
  const files = {
    koffi: ['package.json', 'index.js', 'src/koffi/index.js', 'src/koffi/src/static.js'],
    [koffi]: ['package.json', 'index.js', `linux_${arch}/koffi.node`],
    'raw-socket': ['package.json', 'index.js', 'build/Release/raw.node'],
  }
  for (const [name, paths] of Object.entries(files)) {
    for (const path of paths) cpSync(join(from, name, path), join(to, name, path))
  }
  // The machine code's package carries no licence of its own: it is koffi's.
  return ['koffi', 'raw-socket']
}
