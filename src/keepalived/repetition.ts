/** Variables and their values, time after time. */
export type Repetition = readonly (readonly (readonly [name: string, value: string])[])[]

/**
 * `~SEQ(var, start, step, end)`, with start and step left out where they are 1 or -1, `~SEQx(…)` in hexadecimal, `~LST(var, value…)` and
 * `~LST({var, var}, {value, value}…)`, keepalived.conf(5). Undefined where it is none of them, or far too long.
 */
export function repetitionOf(call: string): Repetition | undefined {
  const [, kind = '', text = ''] = /^~(SEQx?|LST)\(([^()]*)\)$/.exec(call) ?? []
  switch (kind) {
    case 'SEQ':
      return sequence(text.split(','), 10)
    case 'SEQx':
      return sequence(text.split(','), 16)
    case 'LST':
      return list(text)
  }
  return undefined
}

const LONGEST = 100_000

function sequence([name = '', ...given]: readonly string[], radix: 10 | 16): Repetition | undefined {
  const numbers = given.map(text => number(text.trim()))
  const [first, second, third] = numbers
  const end = third ?? second ?? first
  if (end === undefined || numbers.some(Number.isNaN) || numbers.length > 3 || !isName(name.trim())) return undefined
  const start = numbers.length === 1 ? (end > 0 ? 1 : -1) : (first ?? 1)
  const step = numbers.length === 3 ? (second ?? 0) : end < start ? -1 : 1
  const times = Math.floor((end - start) / step) + 1
  if (!(times >= 1 && times <= LONGEST)) return undefined
  return Array.from({ length: times }, (_, i) => [[name.trim(), (start + i * step).toString(radix)]])
}

function number(text: string): number {
  return /^-?(?:[0-9]+|0x[0-9a-fA-F]+)$/.test(text)
    ? Number(text.replace(/^-/, '')) * (text.startsWith('-') ? -1 : 1)
    : Number.NaN
}

function list(text: string): Repetition | undefined {
  const groups = [...text.matchAll(/\{([^{}]*)\}|([^\s,{}][^,{}]*)/g)].map(([, braced, plain = '']) =>
    (braced?.split(',') ?? [plain]).map(part => part.trim()),
  )
  const [names = [], ...values] = groups
  if (values.length === 0 || !names.every(isName)) return undefined
  if (values.some(group => group.length !== names.length)) return undefined
  return values.map(group => names.map((name, i) => [name, group[i] ?? ''] as const))
}

function isName(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text)
}
