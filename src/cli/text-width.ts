/** Text in cells of a terminal; a character is taken for one cell. */
export function cellWidth(text: string): number {
  return [...text].length
}

export function truncate(text: string, width: number): string {
  return cellWidth(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`
}

/** Names come from others: nothing of theirs may move the cursor or begin a line. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
