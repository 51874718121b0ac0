// Writes what the chart has from elsewhere: its version (package.json), its schema, README and dashboard (this folder), and from it
// deploy/install.yaml, for which helm is needed: node charts/generate.ts. With --check it writes nothing and says, by its exit status too,
// what is not as its source has it. The chart's CustomResourceDefinitions come from crds/generate.ts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toolPath } from '../test/lab/api-server.ts'
import { dashboard } from './dashboard.ts'
import { installManifest } from './install-manifest.ts'
import { chartReadme } from './readme.ts'
import { readValues, valuesSchema } from './values-reference.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CHART = 'charts/kube-vrrp'
const INSTALL = 'deploy/install.yaml'
const NOTICE = '# Generated from charts/kube-vrrp by charts/generate.ts: change it there, then make generate.\n'

/** The chart's files, by their paths from the root. */
function chartFiles(): Map<string, string> {
  const values = readValues(read(`${CHART}/values.yaml`))
  return new Map([
    [`${CHART}/Chart.yaml`, withVersion(read(`${CHART}/Chart.yaml`), packageVersion())],
    [`${CHART}/values.schema.json`, json(valuesSchema(values))],
    [`${CHART}/README.md`, chartReadme(values)],
    [`${CHART}/files/dashboard.json`, json(dashboard())],
  ])
}

/** deploy/install.yaml as the chart's files make it now. */
function installFile(): string {
  return NOTICE + installManifest(toolPath('helm'), join(ROOT, CHART))
}

/** The files that are not as their sources have them. */
export function outdatedFiles(): string[] {
  const files = [...chartFiles(), [INSTALL, installFile()] as const]
  return files.filter(([path, text]) => readIfThere(path) !== text).map(([path]) => path)
}

function packageVersion(): string {
  return (JSON.parse(read('package.json')) as { version: string }).version
}

function withVersion(chart: string, version: string): string {
  return chart.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`)
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function readIfThere(path: string): string | undefined {
  try {
    return read(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true })
  writeFileSync(join(ROOT, path), text)
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const outdated = outdatedFiles()
    for (const path of outdated) process.stderr.write(`${path} is not as its source has it: run make generate\n`)
    process.exitCode = outdated.length > 0 ? 1 : 0
  } else {
    for (const [path, text] of chartFiles()) write(path, text)
    write(INSTALL, installFile())
  }
}
