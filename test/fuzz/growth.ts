/** Texts that grow with `size` in one way each, about 1,000 times as long at 1,000 as at 1. */
export type Growing = Readonly<Record<string, (size: number) => string>>

const VIP = 'apiVersion: kube-vrrp.io/v1alpha1\nkind: VirtualIP\nmetadata: {name: web}\nspec:\n'
const NODE = 'apiVersion: v1\nkind: Node\nmetadata: {name: node1}\n'
const many = (size: number, line: (i: number) => string) => Array.from({ length: size }, (_, i) => line(i)).join('')
const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`

export const GROWING_FILES: Growing = {
  VirtualIPs: size => many(size, i => `${VIP.replace('web', `web${i}`)}  addresses: [${address(i)}]\n---\n`) + NODE,
  'VirtualIPs of one name': size => many(size, i => `${VIP}  addresses: [${address(i)}]\n---\n`) + NODE,
  'Secrets that are asked for': size =>
    many(
      size,
      i =>
        `${VIP.replace('web', `web${i}`)}  addresses: [${address(i)}]\n  version: 2\n  authentication: {type: PASS, secretRef: {name: s${i}}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s${i}}\nstringData: {password: p}\n---\n`,
    ) + NODE,
  addresses: size => `${VIP}  addresses:\n${many(size, i => `  - ${address(i)}\n`)}`,
  'the same address': size => `${VIP}  addresses:\n${many(size, () => '  - 10.0.0.5\n')}`,
  priorities: size =>
    `${VIP}  addresses: [10.0.0.5]\n  priorities:\n${many(size, i => `  - {node: n${i}, priority: ${1 + (i % 255)}}\n`)}`,
  'unknown fields': size => `${VIP}${many(size, i => `  field${i}: 1\n`)}`,
  labels: size => `${NODE.replace('{name: node1}', `{name: node1, labels: {${many(size, i => `l${i}: v, `)}}}`)}`,
  'open lists': size => '['.repeat(size),
  'nested lists': size => `a: ${'['.repeat(size)}${']'.repeat(size)}`,
  'nested maps': size => `${'{a: '.repeat(size)}1${'}'.repeat(size)}`,
  dashes: size => '- '.repeat(size),
  'question marks': size => '? '.repeat(size),
  'ever deeper maps': size => many(Math.min(size, 4 * Math.round(Math.sqrt(size))), i => `${' '.repeat(i)}a:\n`),
  aliases: size => `a: &a [x]\nb: [${'*a, '.repeat(size)}]`,
  anchors: size => many(size, i => `k${i}: &a${i} v\n`),
  'aliases of aliases': size =>
    `a0: &a0 [x]\n${many(Math.min(size, 40), i => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]\n`)}`,
  merges: size => `a: &a {x: 1}\nb:\n${many(size, () => '  <<: *a\n')}`,
  'a long word': size => `a: ${'x'.repeat(size)}`,
  'a long quoted text': size => `a: "${'x '.repeat(size)}"`,
  'a text that is not closed': size => `a: "${'x\n '.repeat(size)}`,
  'a long block of text': size => `a: |\n${' x\n'.repeat(size)}`,
  comments: size => '# x\n'.repeat(size),
  'empty lines': size => '\n'.repeat(size),
  'empty documents': size => '---\n'.repeat(size),
  spaces: size => ' '.repeat(size),
  tabs: size => '\t'.repeat(size),
  colons: size => ':'.repeat(size),
  percents: size => '%a\n'.repeat(size),
  digits: size => `${VIP}  virtualRouterID: ${'9'.repeat(size)}\n`,
  'colons of an address': size => `${VIP}  addresses: ["${':'.repeat(size)}"]\n`,
  'dots of a name': size => `${NODE.replace('node1', `${'a.'.repeat(size)}!`)}`,
  'a path': size =>
    `${VIP}  addresses: [10.0.0.5]\n  checks: [{name: c, http: {port: 1, path: "${'/%'.repeat(size)} "}}]\n`,
  'a bundle': size =>
    `${VIP}  addresses: [10.0.0.5]\n  checks: [{name: c, http: {scheme: HTTPS, port: 1, caBundle: "${'-----BEGIN CERTIFICATE-----'.repeat(size)}"}}]\n`,
  'an interval': size => `${VIP}  advertisementInterval: ${'1s'.repeat(size)}!\n`,
}

const instance = (i: number, name = `VI_${i}`, lines = '') =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${1 + (i % 255)}\n virtual_ipaddress {\n  ${address(i)}/24\n }\n${lines}}\n`

export const GROWING_CONFIGURATIONS: Growing = {
  instances: size => many(size, i => instance(i)),
  'instances of one name': size => many(size, i => instance(i, 'VI')),
  'instances of one VRID': size => many(size, i => instance(7, `VI_${i}`)),
  addresses: size =>
    `vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n${many(size, i => `  ${address(i)}\n`)} }\n}\n`,
  scripts: size => many(size, i => `vrrp_script s${i} {\n script "/bin/true"\n}\n`),
  'scripts that are tracked': size =>
    `${many(size, i => `vrrp_script s${i} {\n script "/bin/true"\n}\n`)}${instance(1, 'A', ` track_script {\n${many(size, i => `  s${i}\n`)} }\n`)}`,
  'a keyword again and again': size => instance(1, 'A', ' priority 100\n'.repeat(size)),
  variables: size => many(size, i => `$A${i}=1\nword $A${i}\n`),
  'variables again and again': size => `$A=1\n${'a $A\n'.repeat(size)}`,
  'lines of a definition': size => `$A= \\\n${' a \\\n'.repeat(size)}\n$A\n`,
  'definitions of several lines': size => '$A= \\\n a \\\n b\n$A\n'.repeat(size),
  'lines for hosts': size => many(size, i => `@h${i} a\n@^n b\n`),
  repetitions: size => `~SEQ(N, ${size}) a\n`,
  'open braces': size => '{\n'.repeat(size),
  'open braces of one line': size => '{'.repeat(size),
  'closing braces': size => '}\n'.repeat(size),
  'blocks within blocks': size => `${'a {\n'.repeat(size)}${'}\n'.repeat(size)}`,
  'open variables': size => '${'.repeat(size),
  dollars: size => '$'.repeat(size),
  'open quotes': size => '"\n'.repeat(size),
  'quotes of one line': size => '"'.repeat(size),
  'words of one line': size => 'a '.repeat(size),
  'a long word': size => 'a'.repeat(size),
  'a long name': size => instance(1, '-.'.repeat(size)),
  'a long command': size =>
    `vrrp_script s {\n script "${"a ' ".repeat(size)}"\n}\n${instance(1, 'A', ' track_script {\n s\n }\n')}`,
  'single quotes': size => `vrrp_script s {\n script '${"' ".repeat(size)}\n}\n`,
  spaces: size => `include${' '.repeat(size)}`,
  comments: size => '# a\n'.repeat(size),
  'marks of comments': size => '!'.repeat(size),
  'carriage returns': size => '\r'.repeat(size),
  digits: size => instance(1, 'A', ` priority ${'1'.repeat(size)}\n`),
}
