/** What somebody without a cluster reads, or copies from: what a release for plain Linux carries beside the program. */
export const WITH_THE_PROGRAM: readonly string[] = [
  'CHANGELOG.md',
  'deploy/kube-vrrp.service',
  ...[
    'authentication',
    'control-plane',
    'diagnosis',
    'file-mode',
    'from-keepalived',
    'image',
    'unicast',
    'virtual-ip',
  ].map(name => `docs/${name}.md`),
]
