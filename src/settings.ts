import { hostname } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { AgentOptions } from './agent/agent.ts'
import { isFilePath } from './api/file-path.ts'
import { DEFAULT_NAMESPACE, isNamespace } from './api/names.ts'
import { type Millis, parseDuration } from './lib/time.ts'

export interface CommonSettings {
  readonly logLevel: string
  readonly logFormat: 'auto' | 'json' | 'text'
  readonly kubeconfig?: string
  readonly namespace: string
}

export type AgentSettings = CommonSettings & Omit<AgentOptions, 'version' | 'logLinesDropped'>

export interface ControllerSettings extends CommonSettings {
  readonly metricsAddress: string
  readonly leaderElect: boolean
  readonly identity: string
}

export interface StatusSettings extends CommonSettings {
  readonly name?: string
  readonly watch: boolean
  readonly output: 'table' | 'json'
  readonly node: string
  readonly instance: string
  readonly stateDir: string
}

export type Settings =
  | { readonly command: 'agent'; readonly settings: AgentSettings }
  | { readonly command: 'controller'; readonly settings: ControllerSettings }
  | { readonly command: 'import'; readonly files: readonly string[]; readonly configIDs: readonly string[] }
  | { readonly command: 'status'; readonly settings: StatusSettings }
  | { readonly command: 'set-ip-nonlocal-bind'; readonly settings: CommonSettings }

/** Flags and environment → settings: the only reader of either. Ends the process with a sentence and status 2 where they can't be right. */
export function readSettings(argv: readonly string[], version: string): Settings {
  let settings: Settings | undefined
  const program = new Command('kube-vrrp')
    .description('Floating IP addresses for Kubernetes and plain Linux, by VRRP')
    .version(version)
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))

  addCommon(program.command('agent'))
    .description('run virtual routers on this node, as the controller or a file says')
    .addOption(env('--file <path>', 'VirtualIPs, Secrets and Nodes as a YAML stream; no cluster is needed'))
    .addOption(
      env('--node <name>', 'the name of this node').default(
        process.env['NODE_NAME'] ?? hostname(),
        "NODE_NAME, else the host's name",
      ),
    )
    .addOption(
      env('--instance <name>', "what this agent's own things are filed under (default: the node's name)").argParser(
        fileName,
      ),
    )
    .addOption(
      env('--state-dir <path>', 'where the last spec, the list of addresses and the socket are kept').default(
        '/var/lib/kube-vrrp',
      ),
    )
    .addOption(env('--metrics-address <address>', 'where /metrics, /healthz and /readyz are served (default: :9180)'))
    .addOption(
      env(
        '--handover <duration>',
        'answer for an address given up until the next MASTER has announced it, at most for so long: shorter than the time this ' +
          'process is given to end; 0s: not at all, as RFC 9568 has it',
      )
        .argParser(duration)
        .default(29_000, '29s'),
    )
    .addOption(
      env('--startup-delay <duration>', 'take no part for so long after the start of this agent')
        .argParser(duration)
        .default(0, '0s'),
    )
    .addOption(
      env(
        '--delay-after-boot <duration>',
        'take no part for so long after the boot of this machine, whose links may not hear yet',
      )
        .argParser(duration)
        .default(0, '0s'),
    )
    .addOption(
      env(
        '--set-ip-nonlocal-bind',
        'without a cluster: let services of this node bind addresses that it does not hold (sysctls net.ipv4.ip_nonlocal_bind and net.ipv6.ip_nonlocal_bind)',
      ),
    )
    .addOption(env('--allow-process-checks', 'in a cluster: run process checks (needs the host PID namespace)'))
    .addOption(env('--allow-exec-checks', 'in a cluster: run the commands of exec checks on this node'))
    .addOption(
      env('--file-check-folders <paths>', 'in a cluster: the folders below which file checks may read, by commas')
        .argParser(folders)
        .default([], 'none'),
    )
    .addOption(
      env(
        '--pod-check-namespaces <names>',
        'in a cluster: the namespaces whose pods checks may look at, by commas; *: all',
      )
        .argParser(namespaces)
        .default([], 'none'),
    )
    .addOption(
      env(
        '--notify <program>',
        'run this at every transition, as keepalived runs its notify scripts: with INSTANCE, the name of the VirtualIP, MASTER, BACKUP, ' +
          'FAULT or STOP, and the priority; with GROUP and 0 for a group that VirtualIPs name',
      ),
    )
    .addOption(env('--notify-fifo <path>', 'write the same to this FIFO, a line each, in their order'))
    .action(options => {
      const instance = options.instance ?? options.node
      const podCheckNamespaces: readonly string[] = options.file ? [] : options.podCheckNamespaces
      const fileCheckFolders: readonly string[] = options.file ? ['/'] : options.fileCheckFolders
      const metricsAddress = options.metricsAddress ?? (instance === options.node ? ':9180' : undefined)
      const checksAllowed = [
        ...(options.allowProcessChecks || options.file ? (['Process'] as const) : []),
        ...(options.allowExecChecks || options.file ? (['Exec'] as const) : []),
        ...(fileCheckFolders.length > 0 ? (['File'] as const) : []),
        ...(podCheckNamespaces.length > 0 ? (['Pods'] as const) : []),
      ]
      settings = {
        command: 'agent',
        settings: {
          ...common(options),
          node: options.node,
          instance,
          stateDir: options.stateDir,
          checksAllowed,
          fileCheckFolders,
          podCheckNamespaces,
          handover: options.handover,
          setNonlocalBind: options.file !== undefined && options.setIpNonlocalBind === true,
          startupDelay: { afterStart: options.startupDelay, afterBoot: options.delayAfterBoot },
          notify: present({ program: options.notify, fifo: options.notifyFifo }),
          ...present({ file: options.file, metricsAddress }),
        },
      }
    })

  addCommon(program.command('controller'))
    .description('plan who holds what, and say who does')
    .addOption(env('--metrics-address <address>', 'where /metrics, /healthz and /readyz are served').default(':9181'))
    .addOption(
      env('--leader-elect <true|false>', 'take part in the election of one leader')
        .choices(['true', 'false'])
        .default('true'),
    )
    .addOption(
      env('--identity <name>', 'this replica in the election').default(
        process.env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
        'POD_NAME, else host name and process ID',
      ),
    )
    .action(options => {
      settings = {
        command: 'controller',
        settings: {
          ...common(options),
          metricsAddress: options.metricsAddress,
          leaderElect: options.leaderElect === 'true',
          identity: options.identity,
        },
      }
    })

  program
    .command('import')
    .description('keepalived.conf files → VirtualIPs and Secrets on standard output')
    .argument('<node=file...>', 'node1=keepalived.conf node2=keepalived.conf')
    .option(
      '--config-id <node=id>',
      "what a node's lines @… are for, as keepalived's -i; by default its name up to the first dot",
      (given: string, before: readonly string[] = []) => [...before, given],
    )
    .action((files: string[], { configId = [] }: { configId?: string[] }) => {
      settings = { command: 'import', files, configIDs: configId }
    })

  addCommon(program.command('status'))
    .description('who holds what, since when, and why')
    .argument('[name]', 'one VirtualIP')
    .option('-w, --watch', 'go on with the changes', false)
    .addOption(new Option('-o, --output <format>', 'how it is printed').choices(['table', 'json']).default('table'))
    .addOption(
      env('--node <name>', 'without a cluster: the node whose agent is asked').default(
        process.env['NODE_NAME'] ?? hostname(),
        "NODE_NAME, else the host's name",
      ),
    )
    .addOption(
      env('--instance <name>', "without a cluster: the agent's instance (default: the node's name)").argParser(
        fileName,
      ),
    )
    .addOption(env('--state-dir <path>', "where the agent's socket is").default('/var/lib/kube-vrrp'))
    .action((name: string | undefined, options) => {
      const instance = options.instance ?? options.node
      settings = {
        command: 'status',
        settings: {
          ...common(options),
          watch: options.watch,
          output: options.output,
          node: options.node,
          instance,
          stateDir: options.stateDir,
          ...present({ name }),
        },
      }
    })

  addCommon(program.command('set-ip-nonlocal-bind'))
    .description(
      'let services of this node bind addresses that it does not hold, and end: for a privileged init container',
    )
    .action(options => {
      settings = { command: 'set-ip-nonlocal-bind', settings: common(options) }
    })

  program.parse([...argv], { from: 'user' })
  if (!settings) throw new Error('A command was parsed that sets no settings')
  return settings
}

function addCommon(command: Command): Command {
  return command
    .addOption(
      env(
        '--kubeconfig <path>',
        'how to reach the API server (default: KUBECONFIG, else the pod it runs in, else ~/.kube/config)',
      ),
    )
    .addOption(
      env('--namespace <name>', 'where the Leases and Secrets are').default(
        process.env['POD_NAMESPACE'] ?? DEFAULT_NAMESPACE,
        `POD_NAMESPACE, else ${DEFAULT_NAMESPACE}`,
      ),
    )
    .addOption(
      env('--log-level <level>', 'how much is said')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      env('--log-format <format>', 'json, text, or text on a terminal')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    )
}

/** An option that may also come from KUBE_VRRP_<NAME>. */
function env(flags: string, description: string): Option {
  const option = new Option(flags, description)
  return option.env(`KUBE_VRRP_${option.name().toUpperCase().replaceAll('-', '_')}`)
}

function common(options: {
  kubeconfig?: string
  namespace: string
  logLevel: string
  logFormat: CommonSettings['logFormat']
}): CommonSettings {
  return {
    namespace: options.namespace,
    logLevel: options.logLevel,
    logFormat: options.logFormat,
    ...present({ kubeconfig: options.kubeconfig }),
  }
}

/** The entries that have a value: `exactOptionalPropertyTypes` tells absent from undefined. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

function duration(value: string): Millis {
  const millis = parseDuration(value)
  if (millis !== undefined) return millis
  throw new InvalidArgumentError('It is a duration, e.g. 29s or 500ms.')
}

function folders(value: string): string[] {
  const paths = value.split(',')
  if (paths.every(path => path === '/' || isFilePath(path))) return paths
  throw new InvalidArgumentError(
    'It is absolute paths of folders, by commas, without a slash at the end: /run/load,/var/lib/app.',
  )
}

function namespaces(value: string): string[] {
  const names = value.split(',')
  if (names.every(name => name === '*' || isNamespace(name))) return names
  throw new InvalidArgumentError('It is names of namespaces, by commas: web,db; or *.')
}

function fileName(value: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)) return value
  throw new InvalidArgumentError('It names a folder: letters, digits, dots, dashes and underscores.')
}
