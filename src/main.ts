import { readFileSync } from 'node:fs'
import { readSettings, type Settings } from './settings.ts'
import { createLogger } from './telemetry/logger.ts'

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version

const ENDING = ['SIGTERM', 'SIGINT'] as const

process.exitCode = await main(readSettings(process.argv.slice(2), version))

/** One command until it ends or a signal ends it; gives the exit status. Parts are imported when they are run: an agent carries no controller. */
async function main(settings: Settings): Promise<number> {
  switch (settings.command) {
    case 'agent': {
      const { runAgent } = await import('./agent/agent.ts')
      const logger = createLogger({ level: settings.settings.logLevel, format: settings.settings.logFormat })
      return untilSignal(logger, (signal, hurry) =>
        runAgent({ ...settings.settings, version }, logger, signal, reload => process.on('SIGHUP', reload), hurry),
      )
    }
    case 'controller': {
      const { runController } = await import('./controller/controller.ts')
      const logger = createLogger({ level: settings.settings.logLevel, format: settings.settings.logFormat })
      return untilSignal(logger, (signal, hurry) => {
        hurry.addEventListener('abort', () => process.exit(1))
        return runController({ ...settings.settings, logger }, signal)
      })
    }
    case 'import': {
      const { runImport } = await import('./cli/import.ts')
      return runImport([...settings.files], {
        readFile: path => readFileSync(path, 'utf8'),
        stdout: text => process.stdout.write(text),
        stderr: text => process.stderr.write(text),
      })
    }
    case 'status': {
      const { runStatusCommand } = await import('./cli/status.ts')
      return runStatusCommand(settings.settings)
    }
  }
}

/**
 * 0 after SIGTERM or SIGINT, 1 with one sentence where it can't go on. `signal` aborts with the first of them, `hurry` with the second; a
 * third ends the process there and then.
 */
async function untilSignal(
  logger: { fatal(message: string): void },
  run: (signal: AbortSignal, hurry: AbortSignal) => Promise<void>,
): Promise<number> {
  const [ending, hurrying] = [new AbortController(), new AbortController()]
  const onSignal = () => {
    if (!ending.signal.aborted) return ending.abort()
    hurrying.abort()
    for (const name of ENDING) process.off(name, onSignal)
  }
  for (const name of ENDING) process.on(name, onSignal)
  process.on('SIGHUP', () => {})
  try {
    await run(ending.signal, hurrying.signal)
    return 0
  } catch (error) {
    logger.fatal((error as Error).message)
    return 1
  }
}
