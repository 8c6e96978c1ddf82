/** Lines on a terminal that are redrawn in place; nothing at all where output is no terminal. */
import { truncate } from './text-width.ts'

export interface LiveRegion {
  /** In place of the lines before; what does not fit the screen is left out. */
  draw(lines: readonly string[]): void
  clear(): void
}

export function liveRegion(out: NodeJS.WriteStream): LiveRegion {
  let drawn = 0
  const clear = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[0J`)
    drawn = 0
  }
  return {
    clear,
    draw(lines) {
      if (!out.isTTY) return
      clear()
      const width = Math.max(20, (out.columns || 80) - 1)
      // Lines that scrolled away could not be redrawn.
      const fitting = lines.slice(0, Math.max(1, (out.rows || 24) - 1))
      out.write(fitting.map((line) => `${truncate(line, width)}\n`).join(''))
      drawn = fitting.length
    },
  }
}
