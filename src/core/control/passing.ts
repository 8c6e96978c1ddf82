/** Which failures may pass by themselves, so that another attempt is worth it. Pure; by code, never by text. */
import type { ErrorCode } from '../errors/registry.ts'

/** Somebody has to do something about all others: space, rights, settings, a replica in use. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'POOL_UNREACHABLE',
  'POOL_REFUSED',
  'POOL_TIMEOUT',
  'POOL_BROKEN',
  'POOL_CLOSED',
  'HOST_STILL_BOOTING',
  'SESSION_INVALID',
  'OTHER_OPERATION_IN_PROGRESS',
  'VDI_IN_USE',
  'VDI_IO_ERROR',
  'HANDLE_INVALID',
  'TASK_CANCELLED',
  'INTERNAL_ERROR',
  'SOURCE_BUSY',
  'RUN_UNDER_WAY',
  'RUN_SUPERSEDED',
  'TARGET_DISK_BUSY',
  'DISK_NOT_SNAPSHOTTED',
  'NBD_CONNECT_FAILED',
  'NBD_CLOSED',
  'NBD_TIMEOUT',
  'NBD_SIZE_MISMATCH',
  'IMAGE_TRUNCATED',
])

/** Those that are waited for within an attempt, as long as the job's settings say; the engine itself waits for the VM and its storage. */
const WAITED_FOR: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['RUN_UNDER_WAY'])

export const mayPass = (code: ErrorCode): boolean => PASSING.has(code)
export const isWaitedFor = (code: ErrorCode): boolean => WAITED_FOR.has(code)
