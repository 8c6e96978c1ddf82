export const SYNCHRONOUS: ReadonlySet<string> = new Set([])
