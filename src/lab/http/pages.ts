/** Replies that XAPI's HTTP server gives of itself: errors with a small HTML page (xen-api ocaml/libs/http-lib/http_svr.ml). */
import { escapeXml } from '../rpc/xml-value.ts'

type Version = 'HTTP/1.0' | 'HTTP/1.1'

/** A whole reply with a page; the connection is closed after it. */
export function page(
  version: Version,
  status: number,
  reason: string,
  title: string,
  text: string,
  headers: readonly string[] = [],
): string {
  const body = `<html><body><h1>HTTP ${status} ${title}</h1>${text}</body></html>`
  const head = [
    `${version} ${status} ${reason}`,
    'content-type: text/html',
    'connection: close',
    'cache-control: no-cache, no-store',
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

export const internalError = (version: Version, extra?: string): string =>
  page(
    version,
    500,
    'Internal Error',
    'internal server error',
    `Something went wrong that was not foreseen.${extra === undefined ? '' : `<h1>Additional information</h1>${escapeXml(extra)}`}`,
  )
export const unauthorised = (version: Version, realm: string): string =>
  page(version, 401, 'Unauthorised', 'unauthorised', 'The credentials are not good.', [`WWW-Authenticate: Basic realm="${realm}"`])
export const forbidden = (version: Version): string => page(version, 403, 'Forbidden', 'forbidden', 'This may not be had.')
export const requestTimeout = (): string => page('HTTP/1.1', 408, 'Request Timeout', 'request timeout', 'The request did not come in time.')
export const headerTooLarge = (): string =>
  page('HTTP/1.1', 431, 'Request Header Fields Too Large', 'request header fields too large', 'The header is too large.')
export const methodNotImplemented = (version: Version, method: string): string =>
  page(version, 501, 'Method not implemented', 'Method Not Implemented', `<p>${escapeXml(method)} is not supported.</p>`)
