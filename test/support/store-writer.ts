/**
 * A process that writes to a store as a server under load does, until it is killed: `node store-writer.ts FOLDER FIRST`. Each line of its standard
 * output names something that was acknowledged, after it was.
 */
import { writeSync } from 'node:fs'
import { insertJob } from '../../src/store/jobs/insert-job.ts'
import { setLastTick } from '../../src/store/jobs/last-ticks.ts'
import { openStore } from '../../src/store/open-store.ts'
import { insertLogLines } from '../../src/store/runs/insert-log-lines.ts'
import { insertRun } from '../../src/store/runs/insert-run.ts'
import { updateRun } from '../../src/store/runs/update-run.ts'
import { updateVmRun } from '../../src/store/runs/update-vm-run.ts'
import { minute, sampleJob, sampleRun, sampleVmRun } from './control-samples.ts'

const [folder, first] = process.argv.slice(2)
const store = await openStore({ folder: folder as string })
const told = (line: string) => writeSync(1, `${line}\n`)
told('open')

for (let count = Number(first); ; count++) {
  const job = sampleJob({ name: `job ${count}` })
  await store.transaction((db) => insertJob(db, job), { durable: true })
  told(`job ${job.id}`)
  await Promise.all(
    job.schedules.map(async (schedule, nth) => {
      const run = sampleRun({ job: job.id, schedule: schedule.id, queuedAt: minute(count), state: 'running' })
      const vmRuns = Array.from({ length: 5 }, (_, vm) => sampleVmRun(run, { vm: { uuid: `vm ${vm}`, name: 'vm' }, state: 'running' }))
      // The tick and its run together: neither lost nor twice.
      await store.transaction(async (db) => {
        await insertRun(db, run, vmRuns)
        await setLastTick(db, schedule.id, minute(count))
      })
      told(`begun ${run.id} ${schedule.id}`)
      for (const vmRun of vmRuns) {
        const lines = Array.from({ length: 20 }, () => ({
          vmRun: vmRun.id,
          line: { at: minute(count), level: 'info' as const, text: 'x'.repeat(80) },
        }))
        await insertLogLines(store.db, lines)
        await updateVmRun(store.db, { ...vmRun, state: 'success', endedAt: minute(count + 1) })
      }
      await updateRun(store.db, { ...run, state: nth === 0 ? 'success' : 'partial', endedAt: minute(count + 1) })
      told(`ended ${run.id}`)
    }),
  )
}
