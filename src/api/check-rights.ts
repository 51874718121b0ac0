/** Whether this file is below one of these folders: the plan asks before it has an agent read it, and the agent before it reads. */
export function mayRead(path: string, folders: readonly string[]): boolean {
  return folders.some(folder => folder === '/' || path.startsWith(`${folder}/`))
}

/** Whether the pods of this namespace may be looked at; `*`: of all. */
export function mayLookAtPods(namespace: string, namespaces: readonly string[]): boolean {
  return namespaces.includes('*') || namespaces.includes(namespace)
}
