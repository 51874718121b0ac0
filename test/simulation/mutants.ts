/*
 * Agents with one fault each, in simulated worlds until one is violated: `make mutants`. The fault is a piece of source replaced as it is
 * loaded; the tree is not touched. What nothing catches is told, and the command fails.
 */
import { spawn } from 'node:child_process'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { MUTANTS, sourceOf } from './mutant-list.ts'

/** After so many engine steps nothing has caught it. */
const MOST_STEPS = 16_000_000

const { MUTANT } = process.env
if (MUTANT !== undefined) await live(MUTANT)
else process.exitCode = await tellAll(process.argv[2] ?? '')

/** Tells in one line what catches it, if anything does. */
async function live(name: string): Promise<void> {
  const mutant = MUTANTS.find(each => each.name === name)
  if (!mutant) throw new Error(`No mutant "${name}"`)
  const source = sourceOf(mutant)
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      return url.endsWith(`/src/${mutant.file}`) ? { ...loaded, source } : loaded
    },
  })
  const { plotOf } = await import('./plot.ts')
  const { runPlot } = await import('./run-plot.ts')
  let [steps, worlds] = [0, 0]
  while (steps < MOST_STEPS) {
    const { violation, engineSteps } = await runPlot(plotOf(worlds++))
    steps += engineSteps
    if (!violation) continue
    process.stdout.write(`${violation.invariant}; ${worlds}; ${steps}`)
    return
  }
}

async function tellAll(only: string): Promise<number> {
  const mutants = MUTANTS.filter(({ name }) => name.includes(only))
  process.stdout.write('| Mutant | Caught by | Worlds | Engine steps |\n|---|---|---|---|\n')
  let survivors = 0
  for (const { name } of mutants) {
    const [invariant = '', worlds = '', steps = ''] = (await tryOut(name)).split('; ')
    if (invariant === '') survivors++
    process.stdout.write(`| ${name} | ${invariant || '**nothing**'} | ${worlds} | ${steps} |\n`)
  }
  process.stdout.write(`\n${mutants.length - survivors} of ${mutants.length} are caught\n`)
  return survivors === 0 ? 0 : 1
}

/** In a process of its own, for a module is loaded once. */
function tryOut(name: string): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { ...process.env, MUTANT: name },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('close', code => (code === 0 ? resolve(said) : reject(new Error(`Mutant "${name}" ended with ${code}`))))
  })
}
