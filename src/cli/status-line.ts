/** One line on a terminal that says what is going on, replaced by the next; nothing where output is no terminal. */
export interface StatusLine {
  show(text: string): void
  clear(): void
}

export function statusLine(out: NodeJS.WriteStream): StatusLine {
  let shown = false
  return {
    show(text) {
      if (!out.isTTY) return
      out.write(`\r\x1b[K${text.slice(0, Math.max(20, (out.columns || 80) - 1))}`)
      shown = true
    },
    clear() {
      if (shown) out.write('\r\x1b[K')
      shown = false
    },
  }
}
