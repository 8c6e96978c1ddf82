/** A request's header block taken apart, as lenient as XAPI's own parser (xen-api ocaml/libs/http-lib/http_svr.ml, http.ml). */
export interface RequestHead {
  readonly method: string
  /** Percent-decoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly version: 'HTTP/1.0' | 'HTTP/1.1'
  readonly headers: ReadonlyMap<string, string>
  readonly cookies: ReadonlyMap<string, string>
  /** Undefined: not given. */
  readonly contentLength: number | undefined
  readonly keepAlive: boolean
}

/** Undefined when it is no HTTP request. */
export function parseHead(block: string): RequestHead | undefined {
  const lines = block.split('\n').map((line) => line.trimEnd())
  const [method, target, version, ...rest] = (lines[0] ?? '').split(/[ \t]+/).filter((part) => part !== '')
  if (!method || !target || !version?.startsWith('HTTP/') || rest.length > 0) return undefined
  const headers = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const question = target.indexOf('?')
  const rawPath = question < 0 ? target : target.slice(0, question)
  let path: string
  try {
    path = decodeURIComponent(rawPath.replace(/^https?:\/\/[^/]*/, ''))
  } catch {
    return undefined
  }
  const length = headers.get('content-length')
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined
  const connection = headers.get('connection')?.toLowerCase()
  return {
    method,
    path: path === '' ? '/' : path,
    query: new URLSearchParams(question < 0 ? '' : target.slice(question + 1)),
    version: version === 'HTTP/1.0' ? 'HTTP/1.0' : 'HTTP/1.1',
    headers,
    cookies: parseCookies(headers.get('cookie') ?? ''),
    contentLength: length === undefined ? undefined : Number(length),
    keepAlive: connection === 'close' ? false : connection === 'keep-alive' ? true : version !== 'HTTP/1.0',
  }
}

/** `a=b; c=d`, or the older `a=b&c=d`. */
function parseCookies(text: string): Map<string, string> {
  const out = new Map<string, string>()
  for (const part of text.split(text.includes(';') ? ';' : '&')) {
    const equals = part.indexOf('=')
    if (equals > 0) out.set(decoded(part.slice(0, equals).trim()), decoded(part.slice(equals + 1).trim()))
  }
  return out
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
