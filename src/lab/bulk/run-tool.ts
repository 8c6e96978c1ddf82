import { XapiFailure } from '../pool.ts'
import { ToolFailure } from './tool-input.ts'

/**
 * Runs what on a host is a transfer tool of its own. All that is known of its failing is that it failed: VDI_IO_ERROR, also when
 * the other side hung up or the SR is full (`run_vhd_tool` in xen-api ocaml/xapi/vhd_tool_wrapper.ml).
 */
export async function runTool(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof ToolFailure || error instanceof XapiFailure) throw new XapiFailure('VDI_IO_ERROR', ['Device I/O errors'])
    throw error
  }
}
