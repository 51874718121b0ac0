import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'

/** A file for `agent --file`: JSON is YAML too. */
export function stream(...documents: readonly object[]): string {
  return documents.map(document => JSON.stringify(document, undefined, 2)).join('\n---\n')
}

export function virtualIP(name: string, spec: VirtualIPSpec): object {
  return { apiVersion: 'kube-vrrp.io/v1alpha1', kind: 'VirtualIP', metadata: { name }, spec }
}

export function secret(name: string, password: string): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { password } }
}

export function nodeDocument(name: string): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name } }
}

/** `priorities` in a few characters: `{ node1: 200, node2: 100 }`. */
export function priorities(byNode: Readonly<Record<string, number>>): { node: string; priority: number }[] {
  return Object.entries(byNode).map(([node, priority]) => ({ node, priority }))
}
