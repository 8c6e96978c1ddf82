/** `understudy failback`: the way home. */
export { failbackCommand as command } from './failover/reprotect.ts'
