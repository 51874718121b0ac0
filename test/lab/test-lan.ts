import type { TestContext } from 'node:test'
import { type LabNode, type Lan, openLan } from './lan.ts'

/** A LAN that ends with the test. Its nodes are NAME1, NAME2, … with 10.1.0.1/24 and fd01::1/64, …; `name` is unique, of 8 characters at most. */
export function testLan(t: Pick<TestContext, 'after'>, name: string): { lan: Lan; node: () => LabNode } {
  const lan = openLan({ bridge: `br-${name}` })
  t.after(() => lan.close())
  let last = 0
  const node = () => {
    last++
    return lan.addNode({ name: `${name}${last}`, addresses: [`10.1.0.${last}/24`, `fd01::${last}/64`] })
  }
  return { lan, node }
}
