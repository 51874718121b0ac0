import type { Check } from '../api/check.ts'

/** What a vrrp_script runs, as a check; `difference` says where the check is not quite what the script is. */
export interface ScriptCommand {
  readonly check: Pick<Check, 'process' | 'exec'>
  readonly difference?: string
}

/**
 * A look for a process by its name (pgrep, pidof, killall -0) becomes a `process` check, which starts no program; anything else
 * an `exec` check.
 */
export function scriptCommand(command: readonly string[]): ScriptCommand {
  const process = processLookedFor(command)
  if (!process) return { check: { exec: { command: [...command] } }, ...shellDifference(command) }
  const { name, exact } = process
  const check = { process: { name } }
  if (exact) return { check }
  return { check, difference: `pgrep also finds longer names; the check looks for processes named exactly "${name}"` }
}

/** `text` as keepalived splits it: at white space, single-quoted parts kept together. There is no shell. */
export function splitCommand(text: string): string[] {
  return [...text.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''))
}

const PROCESS_NAME = /^[A-Za-z0-9][\w.:@+-]*$/

function processLookedFor(command: readonly string[]): { name: string; exact: boolean } | undefined {
  const [program = '', ...words] = command
  const name = words.at(-1) ?? ''
  const options = words.slice(0, -1)
  if (!PROCESS_NAME.test(name)) return undefined
  switch (program.slice(program.lastIndexOf('/') + 1)) {
    case 'pgrep':
      return options.every(option => option === '-x') ? { name, exact: options.length > 0 } : undefined
    case 'pidof':
      return options.every(option => option === '-s' || option === '-q') ? { name, exact: true } : undefined
    case 'killall':
      return options.includes('-0') && options.every(option => option === '-0' || option === '-q')
        ? { name, exact: true }
        : undefined
  }
  return undefined
}

function shellDifference(command: readonly string[]): { difference?: string } {
  const shell = command.find(word => /^(\|\|?|&&?|;|[0-9]?[<>].*)$/.test(word))
  if (shell === undefined) return {}
  return { difference: `"${shell}" is only an argument: neither keepalived nor the check runs a shell` }
}
