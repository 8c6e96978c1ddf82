import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createByteBudget } from '../block/budget.ts'
import { planQcow2Export } from '../qcow2/export-qcow2.ts'
import { XapiError } from '../xapi/errors.ts'
import type { Ref } from '../xapi/ref.ts'
import type { ExportStream, Xapi } from '../xapi/xapi.ts'
import { type Fallbacks, openSource } from './block-source.ts'
import { nbdTransport } from './nbd-transport.ts'
import type { PoolView } from './pool-view.ts'
import type { RunContext } from './session.ts'

const TIB = 2 ** 40
const CLUSTER = 65_536
const vdi = 'OpaqueRef:disk' as Ref<'VDI'>

/** A pool without NBD that exports in the formats given; the others are refused. */
function poolWith(formats: Readonly<Record<string, () => Iterable<Buffer>>>) {
  const asked: string[] = []
  const xapi = {
    url: 'https://pool',
    call: async (method: string) => (method === 'VDI.get_nbd_info' ? [] : undefined),
    async exportVdi({ format }: { format: string }): Promise<ExportStream> {
      asked.push(format)
      const make = formats[format]
      if (make === undefined) throw new XapiError('INTERNAL_ERROR', [`Unknown format ${format}`], 'GET /export_raw_vdi')
      return {
        chunks: (async function* () {
          yield* make()
        })(),
        finished: async () => undefined,
        close: async () => undefined,
      }
    },
  }
  const context = {
    source: xapi as unknown as Xapi,
    signal: new AbortController().signal,
    budget: createByteBudget(2 ** 20),
    log: () => undefined,
  }
  return { context: context as unknown as RunContext, asked }
}

function* image(size: number, offsets: readonly number[]): Generator<Buffer> {
  const plan = planQcow2Export(
    size,
    offsets.map((offset) => ({ offset, length: CLUSTER })),
  )
  yield* plan.tables()
  for (const _ of offsets) yield Buffer.alloc(CLUSTER, 1)
}

test('a disk that no VHD holds is never asked for as one: what is allocated comes from the tables of a qcow2 export', async () => {
  const size = 3 * TIB
  const { context, asked } = poolWith({ qcow2: () => image(size, [0, 2 * TIB]) })
  const fallbacks: Fallbacks = []
  const opened = await openSource(context, { ref: vdi, size, cbt: true }, undefined, 0, fallbacks)
  assert.deepEqual(asked, ['qcow2', 'qcow2'])
  assert.ok(opened.kind === 'blocks' && opened.source.kind === 'qcow2-export')
  assert.equal(opened.changedBytes, 2 * CLUSTER)
  const offsets: number[] = []
  for await (const block of opened.source.blocks({ signal: context.signal, budget: context.budget })) {
    offsets.push(block.offset)
    block.release()
  }
  assert.deepEqual(offsets, [0, 2 * TIB])
  assert.deepEqual(
    fallbacks.map(({ code }) => code),
    ['nbd-not-usable'],
  )
  await opened.source.close()
})

test('G6: a host that exports no qcow2 leaves nothing but to read every byte of such a disk, which is said', async () => {
  const size = 3 * TIB
  const { context, asked } = poolWith({ raw: () => [] })
  const fallbacks: Fallbacks = []
  const opened = await openSource(context, { ref: vdi, size, cbt: true }, undefined, 0, fallbacks)
  assert.deepEqual(asked, ['qcow2', 'raw'])
  assert.ok(opened.kind === 'blocks' && opened.changedBytes === size)
  assert.match(fallbacks.find(({ code }) => code === 'allocation-unknown')?.text ?? '', /qcow2 tables.*every byte of the disk is read/)
  await opened.source.close()
})

test('a small qcow2 image is asked for as VHD only where the host can not export it as what it is', async () => {
  const disk = { ref: vdi, size: 8 * CLUSTER, cbt: true, imageFormat: 'qcow2' }
  const able = poolWith({ qcow2: () => image(disk.size, [CLUSTER]) })
  await openSource(able.context, disk, undefined, 0, [])
  assert.deepEqual(able.asked, ['qcow2', 'qcow2'])
  const unable = poolWith({ raw: () => [] })
  await openSource(unable.context, disk, undefined, 0, [])
  assert.deepEqual(unable.asked, ['qcow2', 'vhd', 'raw'])
})

test('G10: NBD is spoken encrypted unless the networks of the pool say that there is none, and then only where that is allowed', () => {
  const pool = (...purposes: string[][]) =>
    new Map(purposes.map((purpose, nth) => [`OpaqueRef:${nth}`, { purpose }])) as unknown as PoolView['network']
  const cases: readonly [networks: string[][], allowed: boolean, expected: string][] = [
    [[[]], false, 'tls'],
    [[[]], true, 'tls'],
    [[['nbd'], []], true, 'tls'],
    [[['insecure_nbd'], []], false, 'refused'],
    [[[], ['insecure_nbd']], true, 'clear'],
    // The host itself refuses everybody then: nothing is to be risked for it.
    [[['insecure_nbd'], ['nbd']], true, 'tls'],
  ]
  for (const [networks, allowed, expected] of cases) assert.equal(nbdTransport(pool(...networks), allowed), expected)
})
