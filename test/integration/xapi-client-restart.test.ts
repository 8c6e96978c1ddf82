/** A pool that goes away under the client, and comes back. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startPool } from '../../src/lab/start-pool.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import { XapiConnectionError, XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'

test('a pool that stops ends transfers and waits with an error, and after its restart the same client goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-restart-'))
  const settings = { attachMs: 5 }
  const options = { name: 'restart', folder: join(folder, 'pool'), password: 'lab password', nbd: false, settings }
  let lab = await startPool(options)
  try {
    const xapi = await connectXapi({ url: lab.url, user: 'root', password: 'lab password', trust: trustListed([lab.fingerprint]) })
    const [sr] = await xapi.call<Ref<'SR'>[]>('SR.get_all', [])
    const disk = await xapi.call<Ref<'VDI'>>('VDI.create', [
      { SR: sr, virtual_size: 16 << 20, name_label: 'disk', type: 'user', sharable: false, read_only: false, other_config: {} },
    ])
    const upload = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
    const waiting = assert.rejects(
      xapi.waitFor('VDI', disk, () => false, { timeoutMs: 60_000 }),
      XapiConnectionError,
    )
    await lab.stop()
    await assert.rejects(
      async () => {
        for (;;) await upload.write(Buffer.alloc(65536))
      },
      (error: unknown) => error instanceof XapiConnectionError || error instanceof XapiError,
    )
    await upload.abort()
    await waiting
    lab = await startPool({ ...options, port: lab.port })
    assert.equal((await xapi.record('VDI', disk)).name_label, 'disk')
    await xapi.close()
  } finally {
    await lab.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
