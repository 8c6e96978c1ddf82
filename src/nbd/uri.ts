/** NBD URIs (`doc/uri.md` of NetworkBlockDevice/nbd): nbd://, nbds://, nbd+unix:// and nbds+unix://. */
import { NbdError } from './nbd-error.ts'
import type { NbdAddress } from './wire.ts'

export interface NbdUri {
  readonly address: NbdAddress
  readonly exportName: string
  readonly tls: boolean
}

const DEFAULT_PORT = 10809

/** Takes an NBD URI apart. NBD_URI_INVALID; the message does not repeat the URI, which may hold a session. */
export function parseNbdUri(text: string): NbdUri {
  const scheme = /^(nbds?)(\+unix)?:\/\//.exec(text)
  if (scheme === null) throw invalid('it does not start with nbd://, nbds://, nbd+unix:// or nbds+unix://')
  let url: URL
  try {
    // The URL parser of the platform treats schemes it does not know loosely: any name it knows will do.
    url = new URL(text.replace(scheme[0], 'http://').replace(/^http:\/\/(?=[/?])/, 'http://localhost'))
  } catch {
    throw invalid('its host or port cannot be read')
  }
  const tls = scheme[1] === 'nbds'
  const exportName = decode(url.pathname.slice(1))
  if (scheme[2] !== undefined) {
    const socketPath = url.searchParams.get('socket')
    if (socketPath === null || socketPath === '') throw invalid('it names no socket')
    return { address: { socketPath }, exportName, tls }
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const port = portOf(text.slice(scheme[0].length))
  return { address: { host: decode(host), port }, exportName, tls }
}

/** The port as written: the URL parser drops the default port of the scheme it was given. */
function portOf(afterScheme: string): number {
  const authority = afterScheme.split(/[/?#]/, 1)[0] ?? ''
  const digits = /:(\d+)$/.exec(authority)?.[1]
  return digits === undefined ? DEFAULT_PORT : Number(digits)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('it holds a percent sign that encodes nothing')
  }
}

function invalid(why: string): NbdError {
  return new NbdError('NBD_URI_INVALID', `this is not a usable NBD URI: ${why}`)
}
