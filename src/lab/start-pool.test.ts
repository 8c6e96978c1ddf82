import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { jsonRpc, RpcFailure } from '../../test/support/json-rpc.ts'
import { type PoolOptions, type RunningPool, startPool } from './start-pool.ts'

describe('startPool', () => {
  let folder: string
  const running: RunningPool[] = []
  const start = async (options: Partial<PoolOptions> = {}) => {
    const pool = await startPool({ name: 'one', folder, password: 'secret', ...options })
    running.push(pool)
    return pool
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'start-pool-'))
  })
  afterEach(async () => {
    for (const pool of running.splice(0)) await pool.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const labels = ({ pool: { db } }: RunningPool, className: string) => db.refs(className).map((ref) => db.get(className, ref).name_label)

  test('a new pool has its name, its SRs plugged, a control domain that runs, and a certificate that says who it is', async () => {
    const started = await start({ srs: ['fast', 'slow'] })
    const { db, refs } = started.pool
    assert.deepEqual([labels(started, 'pool'), labels(started, 'SR')], [['one'], ['fast', 'slow']])
    for (const pbd of db.refs('PBD')) assert.equal(db.get('PBD', pbd).currently_attached, true)
    assert.equal(db.get('pool', refs.pool).default_SR, db.refs('SR')[0])
    const domain = db.get('VM', refs.controlDomain)
    assert.deepEqual([domain.is_control_domain, domain.power_state, domain.resident_on], [true, 'Running', refs.host])
    const certificate = new X509Certificate(started.pool.certificate.cert)
    assert.equal(certificate.fingerprint256, started.fingerprint)
    assert.equal(db.get('Certificate', db.refs('Certificate')[0] as string).fingerprint_sha256, started.fingerprint)
    assert.ok(certificate.checkIP('127.0.0.1'))
  })

  test('a pool that is there keeps its name and SRs, whatever is asked for; password and settings are those of the start', async () => {
    const first = await start({ srs: ['kept'] })
    await first.stop()
    const second = await start({ srs: ['other'], password: 'changed', settings: { badLoginMs: 10 } })
    assert.deepEqual([labels(second, 'SR'), second.fingerprint], [['kept'], first.fingerprint])
    assert.deepEqual(second.pool.refs, first.pool.refs)
    const client = jsonRpc(second.url, second.pool.certificate.cert, 'changed')
    await client.login()
    await assert.rejects(client.bare('session.login_with_password', 'root', 'secret'), (error) => error instanceof RpcFailure)
    client.close()
  })

  test('NBD can be left off: no server, no network for it', async () => {
    const off = await start({ nbd: false })
    assert.equal(off.nbd, undefined)
    assert.ok(off.pool.db.refs('network').every((ref) => (off.pool.db.get('network', ref).purpose as string[]).length === 0))
  })

  test('NBD is on unless told otherwise, and clients are told its port', async () => {
    const on = await start()
    const client = jsonRpc(on.url, on.pool.certificate.cert)
    await client.login()
    const [sr] = await client.call<string[]>('SR.get_all')
    const vdi = await client.call<string>('VDI.create', {
      SR: sr,
      virtual_size: 2 << 20,
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: {},
    })
    const [info] = await client.call<{ address: string; port: number }[]>('VDI.get_nbd_info', vdi)
    assert.deepEqual([info?.address, info?.port], ['127.0.0.1', on.nbd?.port])
    client.close()
  })

  test('a port that is taken is told, and nothing stays running', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    await assert.rejects(start({ port }), { code: 'EADDRINUSE' })
    await new Promise<void>((resolve) => taken.close(() => resolve()))
    const after = await start({ port })
    assert.equal(after.port, port)
  })

  test('stopping twice is stopping once, and waiting calls end', async () => {
    const pool = await start()
    const client = jsonRpc(pool.url, pool.pool.certificate.cert)
    await client.login()
    const { token } = await client.call<{ token: string }>('event.from', ['*'], '', 0)
    const waiting = assert.rejects(client.call('event.from', ['VM'], token, 60))
    // Answered after the waiting call was sent.
    await client.call('pool.get_all')
    await Promise.all([pool.stop(), pool.stop()])
    await waiting
    client.close()
  })

  test('the private key is readable by its owner only', async () => {
    await start()
    assert.equal(statSync(join(folder, 'certificate.pem')).mode & 0o077, 0)
  })

  test('the clock of the pool is the one given', async () => {
    const pool = await start({ now: () => new Date(Date.UTC(2030, 0, 2, 3, 4, 5)) })
    const task = (await pool.pool.invoke('task.create', 'x', '')) as string
    assert.equal(pool.pool.db.get('task', task).created, '20300102T03:04:05Z')
  })
})
