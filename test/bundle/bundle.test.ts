import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bundle } from '../../bundle/bundle.ts'
import type { ThirdParty } from '../../bundle/third-party.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
  dependencies: Record<string, string>
}
/** What software under Apache-2.0 may carry. */
const LICENCES = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD']

describe('the bundle', () => {
  // In a folder of its own: no node_modules above it fills a gap.
  const folder = join(mkdtempSync(join(tmpdir(), 'kube-vrrp-bundle-')), 'bundle')
  let thirdParties: readonly ThirdParty[]
  before(async () => {
    thirdParties = await bundle(folder)
  })
  after(() => rmSync(join(folder, '..'), { recursive: true }))

  test('says the version of package.json', () => {
    const { stdout, stderr } = run('lib/main.js', '--version')
    assert.equal(stderr, '')
    assert.equal(stdout, `${PACKAGE.version}\n`)
  })

  test('loads an agent with its native modules, and nothing from elsewhere', () => {
    const { stdout, stderr } = run('--input-type=module', '-e', `console.log(Object.keys(await import('${agent()}')))`)
    assert.equal(stderr, '')
    assert.equal(stdout, "[ 'runAgent' ]\n")
  })

  test('loads of an agent no controller, and none of the Kubernetes client but its parts', () => {
    const loaded = loadedWith(agent())
    assert.ok(loaded.has('main.js'))
    const parts = readdirSync(join(folder, 'lib')).filter(file => !loaded.has(file))
    for (const part of ['controller', 'status', 'import', 'config']) {
      assert.equal(parts.filter(file => file.startsWith(`${part}-`)).length, 1, part)
    }
  })

  test('has the machine code of one platform, and no sources, tests or documents of packages', () => {
    const { arch } = process
    assert.deepEqual(globSync('node_modules/**/*.*', { cwd: folder }).sort(), [
      `node_modules/@koromix/koffi-linux-${arch}/index.js`,
      `node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`,
      `node_modules/@koromix/koffi-linux-${arch}/package.json`,
      'node_modules/koffi/index.js',
      'node_modules/koffi/package.json',
      'node_modules/koffi/src/koffi/index.js',
      'node_modules/koffi/src/koffi/src/static.js',
      'node_modules/raw-socket/build/Release/raw.node',
      'node_modules/raw-socket/index.js',
      'node_modules/raw-socket/package.json',
    ])
  })

  test('names everybody whose work is in it, with a licence that may be passed on and its text', () => {
    const names = thirdParties.map(({ name }) => name)
    for (const name of [...Object.keys(PACKAGE.dependencies), 'nan', 'node-addon-api', 'sonic-boom', 'undici']) {
      assert.ok(names.includes(name), name)
    }
    const notice = readFileSync(join(folder, 'THIRD-PARTY'), 'utf8')
    for (const { name, version, licence, text } of thirdParties) {
      assert.ok(LICENCES.includes(licence), `${name}: ${licence}`)
      assert.match(text, /copyright|apache license/i, name)
      assert.ok(notice.includes(`\n${name} ${version} (${licence})\n`), name)
      assert.ok(notice.includes(text.trim()), name)
    }
  })

  function run(...args: string[]) {
    return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: {} })
  }

  function agent(): string {
    const [chunk = ''] = globSync('lib/agent-*.js', { cwd: folder })
    return join(folder, chunk)
  }

  /** The files of lib that are loaded as the program begins and with this one. */
  function loadedWith(path: string, loaded = new Set<string>()): Set<string> {
    for (const file of [join(folder, 'lib/main.js'), path]) {
      const name = file.slice(join(folder, 'lib/').length)
      if (loaded.has(name)) continue
      loaded.add(name)
      const imports = readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*"\.\/([^"]+\.js)"/g)
      for (const [, imported = ''] of imports) loadedWith(join(folder, 'lib', imported), loaded)
    }
    return loaded
  }
})
