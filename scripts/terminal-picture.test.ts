import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, terminalPicture } from './terminal-picture.ts'

test('colours and weights hold until they are taken back, over lines too, and leave no sequence in the text', () => {
  const lines = linesOf('\x1b[32m✓\x1b[39m \x1b[1mLab\x1b[22m pools \x1b[2mquiet\nstill\x1b[0m.')
  const looks = lines.map((line) =>
    line.map(({ text, ...look }) => [text, ...Object.entries(look).flatMap(([name, is]) => (is ? [name] : []))]),
  )
  assert.deepEqual(looks, [
    [['✓', 'isGreen'], [' '], ['Lab', 'isBold'], [' pools '], ['quiet', 'isDim']],
    [['still', 'isDim'], ['.']],
  ])
})

test('the picture holds every line, below the command, with markup escaped', () => {
  const picture = terminalPicture('\na < b & c\n\nend\n', 'run --once')
  const texts = [...picture.matchAll(/<text [^>]*y="(\d+)"[^>]*>([^<]*)</g)].map(([, y, text]) => [Number(y), text])
  assert.deepEqual(texts, [
    [54, '$ run --once'],
    [74, 'a &lt; b &amp; c'],
    [114, 'end'],
  ])
})
