/**
 * Reads one disk of a pool from end to end as replication does (NBD over TLS, several connections, merged reads) and throws the data
 * away. A process of its own, so that it can be measured. Pool in UNDERSTUDY_FROM and UNDERSTUDY_TRUST; argument: the VDI's uuid.
 */
import { createByteBudget } from '../src/block/budget.ts'
import { planSegments } from '../src/core/segments.ts'
import { openNbdBlocks } from '../src/replication/nbd-blocks.ts'
import { connectXapi } from '../src/xapi/connect.ts'
import { parsePoolUrl } from '../src/xapi/pool-url.ts'
import { commandTrust } from '../src/xapi/trust.ts'

const signal = AbortSignal.timeout(600_000)
const xapi = await connectXapi({ ...parsePoolUrl(process.env.UNDERSTUDY_FROM ?? ''), trust: commandTrust({}), signal })
try {
  const vdi = await xapi.byUuid('VDI', process.argv[2] ?? '')
  const size = (await xapi.record('VDI', vdi)).virtual_size
  const source = await openNbdBlocks({ signal }, xapi, vdi, planSegments([{ offset: 0, length: size }]), size)
  try {
    let bytes = 0
    for await (const block of source.blocks({ signal, budget: createByteBudget(64 * 2 ** 20) })) {
      bytes += block.data.length
      block.release()
    }
    if (bytes !== size) throw new Error(`read ${bytes} of ${size} bytes`)
  } finally {
    await source.close()
  }
} finally {
  await xapi.close()
}
