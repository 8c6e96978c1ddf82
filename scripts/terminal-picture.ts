/**
 * Draws what a command printed on a terminal as an SVG, so that the picture in the README is a real run. Text with escape sequences
 * for colours on standard input, the SVG on standard output. How the README's was made:
 *   FORCE_COLOR=1 node scripts/quickstart.ts --once | node scripts/terminal-picture.ts 'npm run quickstart -- --once' > docs/quickstart.svg
 */
import { text as readAll } from 'node:stream/consumers'

interface Piece {
  readonly text: string
  readonly isBold: boolean
  readonly isDim: boolean
  readonly isGreen: boolean
}

const CHARACTER_WIDTH = 8.4
const LINE_HEIGHT = 20
const MARGIN = 20
const BAR = 34
const COLOURS = { background: '#161b22', text: '#d7dde4', dim: '#8b949e', green: '#56d364', bar: '#21262d' }

/** Lines of pieces, each with the look that the sequences before it gave. Sequences other than colours and weights are dropped. */
export function linesOf(output: string): Piece[][] {
  let look = { isBold: false, isDim: false, isGreen: false }
  let line: Piece[] = []
  const lines = [line]
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence is what is looked for
  for (const [, codes, text = ''] of output.matchAll(/(?:\x1b\[([\d;]*)[A-Za-z])?([^\x1b]*)/g)) {
    for (const code of codes === undefined ? [] : codes.split(';')) look = changed(look, code)
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) {
        line = []
        lines.push(line)
      }
      if (part !== '') line.push({ text: part, ...look })
    }
  }
  return lines
}

function changed(look: Omit<Piece, 'text'>, code: string): Omit<Piece, 'text'> {
  switch (code) {
    case '':
    case '0':
      return { isBold: false, isDim: false, isGreen: false }
    case '1':
      return { ...look, isBold: true }
    case '2':
      return { ...look, isDim: true }
    case '22':
      return { ...look, isBold: false, isDim: false }
    case '32':
      return { ...look, isGreen: true }
    case '39':
      return { ...look, isGreen: false }
    default:
      return look
  }
}

export function terminalPicture(output: string, command: string): string {
  const lines = [[{ text: `$ ${command}`, isBold: true, isDim: false, isGreen: false }], ...linesOf(output.trim())]
  const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + text.length, 0)))
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * MARGIN)
  const height = BAR + lines.length * LINE_HEIGHT + MARGIN
  const rows = lines.map((line, index) => drawLine(line, BAR + (index + 1) * LINE_HEIGHT))
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, index) => `<circle cx="${18 + index * 18}" cy="17" r="5.5" fill="${colour}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(command)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${COLOURS.background}"/>`,
    `<path d="M0 ${BAR}V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${BAR - 8}z" fill="${COLOURS.bar}"/>`,
    ...dots,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" fill="${COLOURS.text}">`,
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Each piece has its own place and length, so that columns stand below each other whatever font there is. */
function drawLine(pieces: readonly Piece[], y: number): string {
  let column = 0
  return pieces
    .map(({ text, isBold, isDim, isGreen }) => {
      const x = MARGIN + column * CHARACTER_WIDTH
      column += text.length
      const fill = isGreen ? ` fill="${COLOURS.green}"` : isDim ? ` fill="${COLOURS.dim}"` : ''
      const weight = isBold ? ' font-weight="700"' : ''
      const length = `textLength="${(text.length * CHARACTER_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`
      return `<text x="${x.toFixed(1)}" y="${y}" ${length}${fill}${weight} xml:space="preserve">${escapeXml(text)}</text>`
    })
    .join('')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

if (import.meta.main) {
  const [command] = process.argv.slice(2)
  if (command === undefined) {
    console.error('terminal-picture: the command that was run is missing')
    process.exit(2)
  }
  process.stdout.write(terminalPicture(await readAll(process.stdin), command))
}
