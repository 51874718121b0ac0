/* A terminal's text as a picture: make demo | node test/lab/picture.ts 'make demo' > docs/demo.svg */
import { text } from 'node:stream/consumers'

const WIDTH = 8.4
const HEIGHT = 18
const [command = ''] = process.argv.slice(2)
const output = (await text(process.stdin)).trimEnd().replaceAll(/\n{3,}/g, '\n\n')
const lines = [`$ ${command}`, ...output.split('\n')]
const columns = Math.max(...lines.map(line => line.length))

const rows = lines.map((line, i) => {
  const escaped = line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `  <text x="16" y="${48 + i * HEIGHT}"${colour(line)}>${escaped}</text>`
})
const [width, height] = [Math.ceil(columns * WIDTH) + 32, lines.length * HEIGHT + 56]
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<rect width="100%" height="100%" rx="8" fill="#1b1f27"/>
<g fill="#ff5f57"><circle cx="20" cy="18" r="6"/><circle cx="40" cy="18" r="6" fill="#febc2e"/><circle cx="60" cy="18" r="6" fill="#28c840"/></g>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#d6dae2" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`)

function colour(line: string): string {
  if (/^\s*\$ /.test(line)) return ' fill="#7ee787"'
  if (/crashes now/.test(line)) return ' fill="#ff7b72"'
  if (/^\s+(took over|outage|after the crash|lost probes|in the status)/.test(line)) return ' fill="#f2cc60"'
  return ''
}
