import { globSync, readFileSync } from 'node:fs'
import { readSettings, type Settings } from './settings.ts'
import { type Log, openLog } from './telemetry/logger.ts'

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version

const ENDING = ['SIGTERM', 'SIGINT'] as const
/** How long the last lines of a log may take, in ms. */
const LAST_LINES = 1000

process.exitCode = await main(readSettings(process.argv.slice(2), version))

/** One command until it ends or a signal ends it; gives the exit status. Parts are imported when they are run: an agent carries no controller. */
async function main(settings: Settings): Promise<number> {
  switch (settings.command) {
    case 'agent': {
      const { runAgent } = await import('./agent/agent.ts')
      const log = openLog({ level: settings.settings.logLevel, format: settings.settings.logFormat })
      const options = { ...settings.settings, version, logLinesDropped: log.dropped }
      return untilSignal(log, (signal, hurry) =>
        runAgent(options, log.logger, signal, reload => process.on('SIGHUP', reload), hurry),
      )
    }
    case 'controller': {
      const { runController } = await import('./controller/controller.ts')
      const log = openLog({ level: settings.settings.logLevel, format: settings.settings.logFormat })
      return untilSignal(log, (signal, hurry) => {
        hurry.addEventListener('abort', () => process.exit(1))
        return runController({ ...settings.settings, logger: log.logger }, signal)
      })
    }
    case 'import': {
      const { runImport } = await import('./cli/import.ts')
      return runImport(
        settings.files,
        {
          readFile: path => readFileSync(path, 'utf8'),
          glob: pattern => globSync(pattern),
          stdout: text => process.stdout.write(text),
          stderr: text => process.stderr.write(text),
        },
        settings.configIDs,
      )
    }
    case 'status': {
      const { runStatusCommand } = await import('./cli/status.ts')
      return runStatusCommand(settings.settings)
    }
    case 'set-ip-nonlocal-bind': {
      const [{ nonlocalBind }, { readSysctl, writeSysctl }] = await Promise.all([
        import('./agent/nonlocal-bind.ts'),
        import('./linux/sysctl.ts'),
      ])
      const log = openLog({ level: settings.settings.logLevel, format: settings.settings.logFormat })
      nonlocalBind(true, { read: readSysctl, write: writeSysctl }, log.logger)
      await log.end(LAST_LINES)
      return 0
    }
  }
}

/**
 * 0 after SIGTERM or SIGINT, 1 with one sentence where it can't go on. `signal` aborts with the first of them, `hurry` with the second; a
 * third ends the process there and then.
 */
async function untilSignal(log: Log, run: (signal: AbortSignal, hurry: AbortSignal) => Promise<void>): Promise<number> {
  const [ending, hurrying] = [new AbortController(), new AbortController()]
  const onSignal = () => {
    if (!ending.signal.aborted) return ending.abort()
    hurrying.abort()
    for (const name of ENDING) process.off(name, onSignal)
  }
  for (const name of ENDING) process.on(name, onSignal)
  process.on('SIGHUP', () => {})
  const status = await run(ending.signal, hurrying.signal).then(
    () => 0,
    (error: Error) => {
      log.logger.fatal(error.message)
      return 1
    },
  )
  if (!(await log.end(LAST_LINES))) await exitUnread(status)
  return status
}

/** A pipe that is full and that nobody reads: Node would wait for the last line as it exits, for ever. */
async function exitUnread(status: number): Promise<void> {
  const { exitAtOnce } = await import('./linux/libc.ts')
  exitAtOnce(status)
}
