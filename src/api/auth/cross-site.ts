/** Requests that pages of other sites make a browser send. Pure. */

export interface RequestOrigin {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`; programs and old browsers don't send it. */
  readonly fetchSite: string | undefined
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
export const isSafe = (method: string) => SAFE.has(method)

/**
 * Whether a browser says that another site asks for a change. `null` is the origin of sandboxed frames and local files: another site. A
 * request without both headers is none of a browser's of today.
 */
export function isCrossSite({ method, host, origin, fetchSite }: RequestOrigin): boolean {
  if (isSafe(method)) return false
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return true
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase()
}
