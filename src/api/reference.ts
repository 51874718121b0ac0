import type { JsonSchema } from './json-schema.ts'
import { virtualIPRules } from './rules.ts'
import { VirtualIPSpec, VirtualIPStatus } from './virtual-ip.ts'

/** Every field of a VirtualIP and every rule it must keep, as Markdown. */
export function virtualIPReference(): string {
  return [
    '# VirtualIP',
    '',
    '`kube-vrrp.io/v1alpha1`, cluster-scoped, short name `vip`. Defaults are filled in by the plan, not stored in the resource.',
    '',
    '## spec',
    '',
    ...table('spec', VirtualIPSpec),
    '',
    '## What is refused',
    '',
    'By the API server and by file mode, in the same words:',
    '',
    ...[...new Set(virtualIPRules.map(({ path, message }) => `- \`${path}\` ${message}`))],
    '',
    '## status',
    '',
    'Written by the controller.',
    '',
    ...table('status', VirtualIPStatus),
    '',
  ].join('\n')
}

function table(path: string, schema: JsonSchema): string[] {
  return ['| Field | Type | |', '|---|---|---|', ...fields(path, schema)]
}

function fields(path: string, schema: JsonSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${path}.${name}`
    const required = schema.required?.includes(name) ? ' **Required.**' : ''
    const row = `| \`${at}\` | ${typeOf(field)} | ${field.description ?? ''}${required} |`
    return [row, ...fields(at, field), ...(field.items ? fields(`${at}[]`, field.items) : [])]
  })
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(value => `\`${value}\``).join(', ')
  if (schema.items) return `list of ${schema.items.type}s`
  const { minimum, maximum } = schema
  return minimum !== undefined && maximum !== undefined ? `${schema.type} ${minimum}..${maximum}` : schema.type
}
