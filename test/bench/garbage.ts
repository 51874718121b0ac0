/* Loaded before an agent: some 20 MB of garbage a second beside what it does, some of which lives long enough to be copied. */
const kept: object[][] = []
setInterval(() => {
  const made = Array.from({ length: 1000 }, (_, i) => ({ i, text: `${i}`, list: [i] }))
  kept.push(made)
  if (kept.length > 20) kept.shift()
}, 10).unref()
