import type { CelRule } from './rule.ts'

/** At `path` is the name of a link. */
export function linkNameRule(path: string): CelRule {
  return {
    path,
    cel: "!self.matches('[/: \\\\t\\\\r\\\\n\\\\f]') && self != '.' && self != '..'",
    check: (self: string) => !/[/: \t\r\n\f]/.test(self) && self !== '.' && self !== '..',
    message: 'must be the name of a link as `ip link` shows it: no slash, colon or space',
  }
}
