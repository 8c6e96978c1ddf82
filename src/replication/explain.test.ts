import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../core/failure.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { Qcow2Error } from '../qcow2/error.ts'
import { VhdError } from '../vhd/error.ts'
import { KnownCertificatesError, XapiConnectionError, XapiError, XapiTrustError } from '../xapi/errors.ts'
import { PoolUrlError } from '../xapi/pool-url.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { explainError, explainFailure } from './explain.ts'
import type { PreparedRun } from './run.ts'
import type { RunContext } from './session.ts'

const xapiCodes = [
  'SESSION_AUTHENTICATION_FAILED',
  'HOST_IS_SLAVE',
  'HOST_STILL_BOOTING',
  'RBAC_PERMISSION_DENIED',
  'OPERATION_BLOCKED',
  'OTHER_OPERATION_IN_PROGRESS',
  'SR_BACKEND_FAILURE_109',
  'VDI_IO_ERROR',
  'VDI_IN_USE',
  'SOMETHING_NEW',
]
const connectionReasons = ['unreachable', 'refused', 'timeout', 'broken', 'tls', 'not-xapi', 'too-large', 'plain-http', 'closed'] as const

const errors: readonly Error[] = [
  ...xapiCodes.map((code) => new XapiError(code, ['OpaqueRef:object'], 'VDI.create')),
  ...connectionReasons.map((reason) => new XapiConnectionError(reason, 'pool.example:443', 'it did not work')),
  new NbdError('NBD_TLS_FAILED', 'the handshake failed', { address: '192.0.2.1:10809' }),
  new VhdError('bad-footer', 0, 'no footer'),
  new Qcow2Error('unsupported', 0, 'a cluster is compressed'),
  new PoolUrlError('pool URL with port 0'),
  new KnownCertificatesError('/a/file', 'line 3 is not "host:port FINGERPRINT"'),
]

for (const error of errors) {
  const name = 'reason' in error ? error.reason : 'code' in error ? error.code : error.name
  test(`${error.name} ${name} becomes a failure with a code, one line that keeps what was said, and a hint`, () => {
    const failure = explainError(error)
    assert.ok(failure instanceof Failure)
    assert.match(failure.code, /^[A-Z][A-Z0-9_]+$/)
    assert.ok(failure.hint.length > 10, failure.hint)
    assert.ok(failure.message.includes(error.message))
    assert.doesNotMatch(`${failure.message}${failure.hint}`, /[\r\n]/)
    assert.equal(failure.cause, error)
  })
}

test('an error of XAPI that nobody registered keeps its own code in the text', () => {
  const failure = explainError(new XapiError('SOMETHING_NEW', ['param'], 'VM.snapshot')) as Failure
  assert.equal(failure.code, 'XAPI_ERROR')
  assert.match(failure.message, /SOMETHING_NEW \(param\) from VM\.snapshot/)
})

test('codes tell errors apart', () => {
  const codes = errors.map((error) => (explainError(error) as Failure).code)
  assert.equal(new Set(codes).size, codes.length)
})

test('G10: a certificate that is unknown or changed says itself what to do', () => {
  for (const [error, code] of [
    [new XapiTrustError('pool:443', 'AB:CD'), 'CERTIFICATE_UNKNOWN'],
    [new XapiTrustError('pool:443', 'AB:CD', { expected: '12:34' }), 'CERTIFICATE_CHANGED'],
  ] as const) {
    const failure = explainError(error) as Failure
    assert.equal(failure.code, code)
    assert.match(failure.message, /AB:CD/)
    assert.match(failure.message + failure.hint, /--trust/)
  }
})

test('a failure stays as it is, and so does what nobody planned', () => {
  for (const error of [new Failure('NO_SPACE', 'text', 'hint'), new TypeError('a bug'), undefined, 'text'])
    assert.equal(explainError(error), error)
})

const prepared = { plan: { targetSr: { uuid: 'sr-uuid', name: 'second site' } }, target: { sr: 'OpaqueRef:sr' } } as unknown as PreparedRun

/** A run whose target SR has so much space, or does not answer. */
function contextWith(space: { size: number; used: number } | undefined, signal = new AbortController().signal) {
  const asked: string[] = []
  const target: Partial<Xapi> = {
    url: 'https://oslo.example',
    async call<T>(method: string): Promise<T> {
      asked.push(method)
      if (space === undefined) throw new XapiConnectionError('broken', 'pool:443', 'gone')
      return undefined as T
    },
    async record() {
      if (space === undefined) throw new XapiConnectionError('broken', 'pool:443', 'gone')
      return { physical_size: space.size, physical_utilisation: space.used } as never
    },
  }
  return { context: { target, signal } as unknown as RunContext, asked }
}

const GIB = 2 ** 30

test('a full SR is told as such: by its own codes, and when an I/O error comes from an SR without room', async () => {
  const full = { size: 100 * GIB, used: 100 * GIB - 1024 }
  for (const code of ['SR_FULL', 'SR_BACKEND_FAILURE_44', 'VDI_IO_ERROR']) {
    const failure = await explainFailure(new XapiError(code, [], 'VDI.create'), contextWith(full).context, prepared)
    assert.ok(failure instanceof Failure)
    assert.equal(failure.code, 'TARGET_SR_FULL')
    assert.match(failure.message, /"second site" \(sr-uuid\) is full/)
    assert.ok(failure.hint.includes('free space'))
  }
})

test('an I/O error with room to spare, or when the SR can not be asked, stays an I/O error', async () => {
  for (const space of [{ size: 100 * GIB, used: 50 * GIB }, { size: 0, used: 0 }, undefined]) {
    const failure = await explainFailure(new XapiError('VDI_IO_ERROR', ['Device I/O errors'], 'PUT'), contextWith(space).context, prepared)
    assert.equal((failure as Failure).code, 'VDI_IO_ERROR')
  }
})

test('a write that ends in an I/O error names pool, storage and what that says of its room, measured now, and what to look at', async () => {
  for (const [space, said] of [
    [{ size: 100 * GIB, used: 50 * GIB }, /by its own account 50\.0 GiB of 100\.0 GiB are free/],
    [undefined, /how full it is could not be found out/],
  ] as const) {
    const { context, asked } = contextWith(space)
    const error = new XapiError('VDI_IO_ERROR', ['Device I/O errors'], 'PUT /import_raw_vdi')
    const failure = (await explainFailure(error, context, prepared)) as Failure
    assert.equal(failure.code, 'VDI_IO_ERROR')
    assert.match(failure.message, /"second site" \(sr-uuid\) of pool https:\/\/oslo\.example/)
    assert.match(failure.message, said)
    assert.match(failure.message, /Device I\/O errors/)
    assert.match(failure.hint, /full all the same.*SMlog/)
    assert.equal(failure.cause, error)
    if (space !== undefined) assert.deepEqual(asked, ['SR.scan'], 'what it said before does not count')
  }
  const reading = new XapiError('VDI_IO_ERROR', ['Device I/O errors'], 'GET /export_raw_vdi')
  const failure = (await explainFailure(reading, contextWith({ size: 100 * GIB, used: 0 }).context, prepared)) as Failure
  assert.doesNotMatch(failure.message, /second site/, 'a read is not the target storage')
})

test('the SR is asked only when that can tell something', async () => {
  const { context, asked } = contextWith({ size: 1, used: 1 })
  await explainFailure(new XapiError('VDI_IN_USE', [], 'VDI.destroy'), context, prepared)
  await explainFailure(new TypeError('a bug'), context, prepared)
  assert.deepEqual(asked, [])
})

test('what was cancelled is told by the reason of the cancellation, whatever broke of it', async () => {
  const reason = new Error('stopped by SIGINT')
  const { context } = contextWith(undefined, AbortSignal.abort(reason))
  assert.equal(await explainFailure(new XapiError('VDI_IO_ERROR', [], 'PUT'), context, prepared), reason)
})

test('G9: what is explained holds no session of ours and no password', async () => {
  // Errors are made without secrets by the client; nothing may be added here that has some: the context holds the session.
  const { context } = contextWith({ size: 1, used: 1 })
  const session = 'OpaqueRef:secret-session'
  const withSession = {
    ...context,
    source: { session, url: 'https://pool' },
    target: { ...context.target, session },
  } as unknown as RunContext
  for (const error of [...errors, new XapiError('SR_FULL', [], 'VDI.create')]) {
    const failure = (await explainFailure(error, withSession, prepared)) as Failure
    assert.ok(!`${failure.message} ${failure.hint} ${JSON.stringify(failure)}`.includes(session))
  }
})
