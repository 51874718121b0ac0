import type { LabNode } from './lan.ts'

/** The same node, where every program that is spawned is run by `wrapper`, e.g. one that drops a capability. */
export function behind(node: LabNode, wrapper: readonly [string, ...string[]]): LabNode {
  const [command, ...args] = wrapper
  return {
    name: node.name,
    mac: node.mac,
    addresses: node.addresses,
    spawn: (program, programArgs = [], options = {}) =>
      node.spawn(command, [...args, program, ...programArgs], options),
    run: (program, ...programArgs) => node.run(program, ...programArgs),
    signal: signal => node.signal(signal),
  }
}
