/** A pool that is killed and started again is a toolstack that was restarted: the hypervisor and its guests went on. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connectXapi } from '../../src/xapi/connect.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type ControlledLabPool, type SpawnedLab, spawnLab } from '../support/lab.ts'

const MiB = 2 ** 20

let lab: SpawnedLab
before(async () => {
  lab = await spawnLab(['--pools', 'paris', '--empty'])
})
after(() => lab.close())

async function connected<T>(work: (xapi: Xapi) => Promise<T>): Promise<T> {
  const { url, user, password, fingerprint } = lab.pools[0] as ControlledLabPool
  const xapi = await connectXapi({ url, user, password, trust: trustListed([fingerprint]) })
  try {
    return await work(xapi)
  } finally {
    await xapi.close()
  }
}

test('a VM that ran when its pool was killed goes on running, with its disk attached and nothing locked', async () => {
  const { vm } = await (lab.pools[0] as ControlledLabPool).post('/vms', {
    ...{ name: 'survivor', start: true, tools: true, disks: [{ size: 16 * MiB, content: 'pattern', fill: MiB }] },
  })
  const before = await connected(async (xapi) => {
    const ref = await xapi.byUuid('VM', vm.uuid)
    const record = await xapi.record('VM', ref)
    assert.equal(record.power_state, 'Running')
    // Answered when the kill comes or not: either way nothing of it may stay.
    void xapi.call('VM.snapshot', [ref, 'in the middle', []]).catch(() => undefined)
    await lab.kill('SIGKILL')
    return { ref, record }
  })
  await lab.restart()
  await connected(async (xapi) => {
    const record = await xapi.record('VM', before.ref)
    const { power_state, domid, resident_on, guest_metrics, current_operations } = record
    assert.deepEqual(
      { power_state, domid, resident_on, guest_metrics, current_operations },
      {
        power_state: 'Running',
        domid: before.record.domid,
        resident_on: before.record.resident_on,
        guest_metrics: before.record.guest_metrics,
        current_operations: {},
      },
    )
    const vbd = await xapi.record('VBD', record.VBDs[0] as Ref<'VBD'>)
    assert.equal(vbd.currently_attached, true)
    assert.deepEqual(vbd.current_operations, {})
    // A snapshot is there with its disk, or not at all.
    for (const snapshot of record.snapshots) assert.equal((await xapi.record('VM', snapshot)).VBDs.length, record.VBDs.length)
    await xapi.call('VM.snapshot', [before.ref, 'afterwards', []])
    await xapi.call('VM.clean_shutdown', [before.ref])
    assert.equal((await xapi.record('VM', before.ref)).power_state, 'Halted')
  })
})
