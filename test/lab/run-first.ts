import { execFileSync } from 'node:child_process'

/** With it in its environment, a program of the lab that measures is run before all that is not real-time. */
export const FIRST = 'KUBE_VRRP_LAB_FIRST=1'

/** To be called when a program is loaded: what keeps both processors busy before that would stand still who is measured. */
export function runFirst(): void {
  if (process.env['KUBE_VRRP_LAB_FIRST'] === undefined) return
  execFileSync('chrt', ['--all-tasks', '--fifo', '--pid', '10', String(process.pid)])
}
