/** A fault as one writes it, checked: unknown fields and kinds are complaints that say what there is. */
import { ControlError, Fields } from '../control/request-fields.ts'
import { CONNECTIONS, type FaultKind, type FaultSpec, type Match } from './fault.ts'

const MOST_BYTES = 2 ** 50
const MOST_SECONDS = 86_400

/** What each kind may wait for: calls, places in streams, others by name of the field. */
const MATCHES: Readonly<Record<FaultKind, readonly (keyof Match)[]>> = {
  error: ['method', 'form'],
  delay: ['method', 'form'],
  'slow-task': ['method'],
  cut: ['method', 'form', 'connection', 'vdi', 'direction', 'at'],
  'half-open': ['method', 'form', 'connection', 'vdi', 'direction', 'at'],
  stall: ['connection', 'vdi', 'direction', 'at'],
  truncate: ['connection', 'vdi', 'direction', 'at'],
  corrupt: ['connection', 'vdi', 'direction', 'at'],
  network: [],
  'lose-events': ['class', 'operation'],
  'expire-sessions': ['method', 'form', 'connection', 'vdi', 'direction', 'at'],
  certificate: ['method', 'form'],
  restart: ['method', 'form', 'connection', 'vdi', 'direction', 'at'],
  'no-chunked-import': ['vdi'],
  'older-xapi': [],
  'sr-full': ['sr'],
  linger: ['connection', 'vdi'],
  'vdi-in-use': ['connection', 'vdi'],
}
/** Conditions of the pool: they hold until they are cleared, unless a count is given. */
const LASTING: ReadonlySet<FaultKind> = new Set(['network', 'no-chunked-import', 'older-xapi', 'sr-full', 'linger', 'vdi-in-use'])

export const KINDS = Object.keys(MATCHES) as FaultKind[]

/** ControlError 400 for what is no fault. */
export function readFault(given: object): FaultSpec {
  const fields = new Fields(given)
  const kind = fields.oneOf('kind', KINDS)
  const match = fields.has('match') ? readMatch(kind, fields.object('match')) : {}
  const endless = Object.hasOwn(given, 'count') && (given as { count?: unknown }).count === null
  const counted = fields.has('count') ? fields.integer('count', { least: 1, most: 2 ** 31 }) : LASTING.has(kind) || endless ? null : 1
  const common = { match, count: counted, skip: fields.integer('skip', { least: 0, most: 2 ** 31 }, 0) }
  const seconds = () => readSeconds(fields, given, 'seconds')
  const when = (fallback: 'before' | 'after' = 'before') => fields.oneOf('when', ['before', 'after'], fallback)
  const spec = ((): FaultSpec => {
    switch (kind) {
      case 'error':
        return {
          ...{ ...common, kind, code: fields.text('code'), params: fields.has('params') ? fields.texts('params', 64) : [] },
          ...{ on: fields.oneOf('on', ['call', 'task'], 'call'), when: when() },
        }
      case 'delay':
      case 'slow-task':
        return { ...common, kind, seconds: seconds(), when: when(kind === 'delay' ? 'before' : 'after') }
      case 'cut':
      case 'half-open':
        return { ...common, kind, when: when() }
      case 'stall':
        return { ...common, kind, seconds: seconds() }
      case 'truncate':
      case 'older-xapi':
      case 'lose-events':
        return { ...common, kind }
      case 'corrupt':
        return {
          ...{ ...common, kind, where: fields.oneOf('where', ['disk', 'stream'], 'disk') },
          xor: fields.integer('xor', { least: 1, most: 255 }, 255),
        }
      case 'network':
        return {
          ...{ ...common, kind, roundTripMs: fields.integer('roundTripMs', { least: 0, most: 60_000 }, 0) },
          bytesPerSecond: fields.has('bytesPerSecond') ? fields.integer('bytesPerSecond', { least: 1024, most: MOST_BYTES }) : undefined,
          windowBytes: fields.integer('windowBytes', { least: 65_536, most: 2 ** 30 }, 16 * 2 ** 20),
        }
      case 'expire-sessions':
        return { ...common, kind, session: fields.has('session') ? fields.text('session') : undefined, when: when() }
      case 'certificate':
        return { ...common, kind, when: when() }
      case 'restart':
        return { ...common, kind, downSeconds: fields.has('downSeconds') ? readSeconds(fields, given, 'downSeconds') : 0, when: when() }
      case 'no-chunked-import':
        return { ...common, kind, how: fields.oneOf('how', ['refuse', 'ignore', 'io-error'], 'refuse') }
      case 'sr-full':
        return { ...common, kind, bytes: fields.integer('bytes', { least: 0, most: MOST_BYTES }, 0) }
      case 'linger':
      case 'vdi-in-use':
        return { ...common, kind, seconds: seconds() }
      default:
        return kind satisfies never
    }
  })()
  fields.done()
  requireTrigger(spec)
  return spec
}

function readMatch(kind: FaultKind, fields: Fields): Match {
  const known = MATCHES[kind]
  const may = (name: keyof Match) => known.includes(name) && fields.has(name)
  const match: Match = {
    ...(may('method') && { method: fields.text('method') }),
    ...(may('form') && { form: fields.oneOf('form', ['plain', 'async']) }),
    ...(may('connection') && { connection: fields.oneOf('connection', CONNECTIONS) }),
    ...(may('vdi') && { vdi: fields.text('vdi') }),
    ...(may('direction') && { direction: fields.oneOf('direction', ['in', 'out']) }),
    ...(may('at') && { at: fields.integer('at', { least: 0, most: MOST_BYTES }) }),
    ...(may('class') && { class: fields.text('class').toLowerCase() }),
    ...(may('operation') && { operation: fields.oneOf('operation', ['add', 'mod', 'del']) }),
    ...(may('sr') && { sr: fields.text('sr') }),
  }
  fields.done()
  return match
}

function readSeconds(fields: Fields, given: object, name: string): number {
  fields.has(name)
  const value = (given as Readonly<Record<string, unknown>>)[name]
  if (typeof value !== 'number' || !(value >= 0 && value <= MOST_SECONDS)) {
    throw new ControlError(400, `${name} needs to be a number from 0 to ${MOST_SECONDS}`)
  }
  return value
}

/** A fault that strikes calls and streams needs to say which; both at once is a contradiction. */
function requireTrigger({ kind, match }: FaultSpec): void {
  const stream = match.connection !== undefined || match.vdi !== undefined || match.at !== undefined || match.direction !== undefined
  const call = match.method !== undefined || match.form !== undefined
  if (call && stream)
    throw new ControlError(400, 'match names either calls (method, form) or a place in a stream (connection, vdi, direction, at)')
  if ((kind === 'cut' || kind === 'half-open') && !call && !stream) throw new ControlError(400, `${kind} needs a match`)
  if ((kind === 'stall' || kind === 'truncate') && !stream) throw new ControlError(400, `${kind} needs a match`)
}
