/** Plans, after waiting for what ends by itself: a VM on its way elsewhere, a chain of images that its storage is merging. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { XapiConnectionError } from '../xapi/errors.ts'
import { isGone } from './destroy.ts'
import { movingBy } from './inspect-source.ts'
import { type PreparedRun, prepareRun, type RunOptions } from './prepare-run.ts'

/** No event tells that a chain has become shorter below a disk's own image: it is looked at again after so long. */
const LOOK_AGAIN_MS = 10_000

/** As `prepareRun`, whose failure is thrown when `waitMs` are over. A VM is waited for on events. */
export async function prepareWhenFree(options: RunOptions): Promise<PreparedRun> {
  const until = Date.now() + (options.waitMs ?? 0)
  // What others have seen before is old by the second time.
  const { views: _views, storage: _storage, ...again } = options
  let told = ''
  for (let asked = options; ; asked = again) {
    try {
      return await prepareRun(asked)
    } catch (error) {
      const leftMs = until - Date.now()
      if (!(error instanceof Failure) || leftMs <= 0) throw error
      if (error.code !== 'SOURCE_BUSY' && error.code !== 'CHAIN_TOO_LONG') throw error
      if (told !== error.message) options.onEvent?.({ kind: 'log', message: `waiting: ${error.message}` })
      told = error.message
      if (error.code === 'SOURCE_BUSY') await sourceAtRest(options, leftMs)
      else await sleep(Math.min(leftMs, LOOK_AGAIN_MS), undefined, { signal: options.signal })
    }
  }
}

async function sourceAtRest({ source, ids, signal }: RunOptions, timeoutMs: number): Promise<void> {
  try {
    const vm = await source.byUuid('VM', ids.vm, { signal })
    await source.waitFor('VM', vm, (record) => record === undefined || movingBy(record) === undefined, { signal, timeoutMs })
  } catch (error) {
    signal.throwIfAborted()
    // Gone, or still busy: the next look says it.
    if (isGone(error) || (error instanceof XapiConnectionError && error.reason === 'timeout')) return
    throw error
  }
}
