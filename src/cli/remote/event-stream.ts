/** Server-sent events (WHATWG HTML, "Interpreting an event stream"): pieces of text into events. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** An event longer than this is none of ours. */
const LONGEST = 4 * 1024 * 1024

export async function* readEvents(pieces: AsyncIterable<string>): AsyncGenerator<StreamEvent> {
  let rest = ''
  let event = ''
  let data: string[] = []
  let id: string | undefined
  for await (const piece of pieces) {
    rest += piece
    if (rest.length > LONGEST) throw new Error('an event without end')
    // A line ends with \n, \r\n or \r; a \r at the very end may be the first half of one.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() as string
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event || 'message', data: data.join('\n'), id }
        event = ''
        data = []
        continue
      }
      const colon = line.indexOf(':')
      const field = colon < 0 ? line : line.slice(0, colon)
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (field === 'event') event = value
      else if (field === 'data') data.push(value)
      else if (field === 'id') id = value
    }
  }
}
