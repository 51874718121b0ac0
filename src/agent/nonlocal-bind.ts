import type { readSysctl, writeSysctl } from '../linux/sysctl.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Whether services of this node may bind an address that it does not hold. */
const SETTINGS = ['net.ipv4.ip_nonlocal_bind', 'net.ipv6.ip_nonlocal_bind']

interface Sysctls {
  readonly read: typeof readSysctl
  readonly write: typeof writeSysctl
}

/** Says where services can't bind what this node may come to hold; where that is `wanted`, makes it so that they can. */
export function nonlocalBind(wanted: boolean, { read, write }: Sysctls, logger: Pick<Logger, 'info' | 'warn'>): void {
  const off = SETTINGS.filter(name => read(name) === '0')
  if (off.length > 0 && !wanted) {
    const are = off.length === 1 ? 'is' : 'are'
    logger.info(
      `${off.join(' and ')} ${are} 0: a service of this node can't bind an address before the node holds it; where one must, set the sysctl to 1 (--set-ip-nonlocal-bind does so; in a cluster the chart's agent.setNonlocalBind)`,
    )
  }
  for (const name of wanted ? off : []) {
    const error = write(name, '1')
    if (error) logger.warn(`${error.message}: services of this node can't bind an address before the node holds it`)
    else logger.info(`Set ${name} to 1`)
  }
}
