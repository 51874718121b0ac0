/*
 * The gate on real kubelets: every test of this folder, each file with a cluster of its own in namespaces of its own; ends with a line
 * `N passed, N failed`. Its arguments choose files by parts of their paths.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { added, NO_TESTS, type Results, runTestFiles, told } from '../lab/test-files.ts'
import { inClusterLab } from './lab/in-cluster-lab.ts'
import { outageTable, recordOutages } from './outage-table.ts'

const only = process.argv.slice(2).filter(argument => argument !== '--record')
const figures = mkdtempSync(join(tmpdir(), 'kube-vrrp-outages-'))
process.env['KUBE_VRRP_OUTAGES'] = join(figures, 'outages')
const files = globSync('test/cluster/*.test.ts')
  .sort()
  .filter(path => only.length === 0 || only.some(part => path.includes(part)))
let results: Results = NO_TESTS

const status = await inClusterLab(async ({ wrapper, isInterrupted, onStart }) => {
  // One after the other: they measure the kernel's timing.
  for (const file of files) {
    if (isInterrupted()) return
    const group = { name: file, files: [file], wrapper, concurrency: 1, within: 1800, inRealTime: true }
    results = added(results, await runTestFiles(group, onStart))
  }
})
const table = outageTable(join(figures, 'outages'))
if (table !== undefined) process.stdout.write(`\n${table}`)
if (table !== undefined && process.argv.includes('--record')) recordOutages(table)
rmSync(figures, { recursive: true })
const ended = told(results)
process.exit(status !== 0 ? status : ended)
