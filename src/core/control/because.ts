/** Reasons that the control plane gives; docs/jobs.md lists their codes. */
import type { Reason } from '../base.ts'

export const because = (code: string, text: string, avoid?: string): Reason => ({ code, text, ...(avoid === undefined ? {} : { avoid }) })
