/** Something in a keepalived.conf that kube-vrrp has no equal for, or does otherwise. */
export interface Note {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly keyword: string
  readonly sentence: string
}

/** `node1.conf:7: state: not needed: …` */
export function formatNote({ file, line, keyword, sentence }: Note): string {
  return `${file}:${line}: ${keyword}: ${sentence}`
}
