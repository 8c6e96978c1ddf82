/** For fuzzing readers of text: pieces of good texts put together anew, with characters of all kinds in between. */

export function damagedText(random: (below: number) => number, good: readonly string[], pieces: readonly string[]): string {
  let text = good[random(good.length)] as string
  const strokes = 1 + random(4)
  for (let stroke = 0; stroke < strokes; stroke++) {
    const at = random(text.length + 1)
    const kind = random(5)
    const piece = pieces[random(pieces.length)] as string
    if (kind === 0) text = text.slice(0, at)
    else if (kind === 1) text = text.slice(0, at) + piece + text.slice(at)
    else if (kind === 2) text = text.slice(0, at) + text.slice(at + random(20))
    else if (kind === 3) text = text.slice(0, at) + String.fromCharCode(random(random(2) ? 128 : 0x1_0000)) + text.slice(at + 1)
    // Doubled, so that nesting grows.
    else text = text.slice(0, at) + piece.repeat(1 + random(random(20) === 0 ? 300 : 3)) + text.slice(at)
  }
  return text
}
