/** What the cluster says of its nodes beside their agents' reports. */
export interface NodeHealth {
  /** By node: why its agent is silent, as the end of a sentence. Those that are heard are not in it. */
  readonly silentAgents: ReadonlyMap<string, string>
  /** Nodes that are not Ready. Their agents go on by themselves. */
  readonly silentKubelets: ReadonlySet<string>
}
