/** Addresses of what has a page of its own. */
import type { Target } from '../api/types.ts'

export const replicaPath = ({ pool, sr }: Target, vm: string): string => `/replicas/${pool}/${sr}/${vm}`
export const jobPath = (id: string): string => `/jobs/${id}`
export const activityPath = (id: string): string => `/activities/${id}`
export const planPath = (id: string): string => `/plans/${id}`
export const runPath = (id: string): string => `/runs/${id}`
