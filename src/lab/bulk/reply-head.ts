/** Heads of the replies that bulk handlers write themselves (xen-api ocaml/libs/http-lib/http.ml). None has a length: the connection ends them. */

const FIRST_LINES = {
  200: 'HTTP/1.1 200 OK',
  302: 'HTTP/1.1 302 Found',
  400: 'HTTP/1.1 400 Bad Request',
  403: 'HTTP/1.1 403 Forbidden',
  404: 'HTTP/1.0 404 Not Found',
} as const

export function replyHead(status: keyof typeof FIRST_LINES, headers: readonly string[] = []): string {
  return [FIRST_LINES[status], 'Connection: close', 'Cache-Control: no-cache, no-store', ...headers, '', ''].join('\r\n')
}
