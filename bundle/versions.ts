/** Where a version is written beside package.json: a file, what it is there, and how it is found. */
const PLACES: readonly (readonly [string, string, RegExp])[] = [
  ['package-lock.json', 'the version', /^ {2}"version": "(.*)",$/m],
  ['Dockerfile', 'the label org.opencontainers.image.version', /org\.opencontainers\.image\.version="(.*)"/],
  ['charts/kube-vrrp/Chart.yaml', 'version', /^version: "?([^"\s]+)/m],
  ['charts/kube-vrrp/Chart.yaml', 'appVersion', /^appVersion: "?([^"\s]+)/m],
  ['deploy/install.yaml', 'the tag of the image', /image: \S*kube-vrrp\/kube-vrrp:([^"\s]+)/],
  ['deploy/static-pod.yaml', 'the tag of the image', /image: \S*kube-vrrp\/kube-vrrp:([^"\s]+)/],
  ['deploy/static-pod.yaml', 'the label app.kubernetes.io/version', /app\.kubernetes\.io\/version: (\S+)/],
  ['docs/file-mode.md', 'the file that is unpacked', /tar -xzf kube-vrrp-(\S+)-linux-/],
  ['CHANGELOG.md', 'the newest heading with a date (## [1.2.3] - 2026-01-31)', /^## \[(.+)\] - \d{4}-\d\d-\d\d$/m],
]

/** A sentence for each place that does not say `version`; `read` gives the text of a file of this repository. */
export function disagreements(version: string, read: (path: string) => string): string[] {
  return PLACES.flatMap(([path, what, pattern]) => {
    const found = read(path).match(pattern)?.[1]
    return found === version ? [] : [`${path}: ${what} is ${found ?? 'missing'}, and package.json has ${version}`]
  })
}
