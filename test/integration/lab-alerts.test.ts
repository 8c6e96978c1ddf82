/** Messages that the storage leaves where change tracking did not survive its host. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Row } from '../../src/lab/pool.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'

const MiB = 1 << 20

let lab: StartedLab
const started = () => lab.pools[0] as StartedPool
before(async () => {
  lab = await startLab({ pools: ['duo'], hosts: 2, empty: true })
})
after(() => lab?.close())

const alerts = () => {
  const { db } = started().pool
  const all = db.refs('message').map((ref) => db.get('message', ref))
  return all.filter(({ name }) => name === 'VDI_CBT_METADATA_INCONSISTENT')
}

/** A tracked VM on the shared storage, its second host switched off under it. */
async function cutVm(): Promise<{ vm: string; vdi: string }> {
  const { pool } = started()
  const { db } = pool
  const shared = db.refs('SR').find((ref) => db.get('SR', ref).shared === true) as string
  const sr = String(db.get('SR', shared).uuid)
  const made = await started().post('/vms', { name: 'tracked', disks: [{ size: 4 * MiB, content: 'empty', sr }] })
  const vm = db.byUuid('VM', made.vm.uuid) as string
  const vdi = db.get('VBD', (db.get('VM', vm).VBDs as string[])[0] as string).VDI as string
  await pool.invoke('VDI.enable_cbt', vdi)
  const other = db.refs('host').find((ref) => ref !== pool.refs.host) as string
  const { uuid } = db.get('host', other)
  await started()
    .post(`/hosts/${uuid}/start`)
    .catch(() => undefined)
  await pool.invoke('VM.start_on', vm, other, false, false)
  await started().post(`/hosts/${uuid}/stop`)
  await pool.invoke('VM.power_state_reset', vm)
  return { vm, vdi }
}

test('a disk whose writer was cut off loses its tracking at the next start, and an alert says so', async () => {
  const { pool } = started()
  const { vm, vdi } = await cutVm()
  assert.equal(pool.db.get('VDI', vdi).cbt_enabled, true)
  await pool.invoke('VM.start', vm, false, false)
  const { uuid, cbt_enabled } = pool.db.get('VDI', vdi)
  assert.equal(cbt_enabled, false)
  const [alert, ...more] = alerts() as [Row, ...Row[]]
  assert.deepEqual([alert.priority, alert.cls, alert.obj_uuid, more.length], [3, 'VDI', uuid, 0])

  // Enabled again it is as good as ever: an orderly end leaves no mark.
  await pool.invoke('VDI.enable_cbt', vdi)
  await pool.invoke('VM.hard_shutdown', vm)
  await pool.invoke('VM.start', vm, false, false)
  assert.deepEqual([pool.db.get('VDI', vdi).cbt_enabled, alerts().length], [true, 1])
  await pool.invoke('VM.hard_shutdown', vm)
})
