/** Headers on every answer that keep a browser from doing with it what it is not for. */
import type { FastifyReply } from 'fastify'

/** The page brings everything itself; nothing inline, nothing from elsewhere, no frames. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** The one style sheet that Swagger UI brings inside its script: the text with this hash, and no other. */
const SWAGGER_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"
export const API_DOCS_POLICY = PAGE_POLICY.replace("style-src 'self'", `style-src 'self' ${SWAGGER_STYLE}`)

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

export function setSecurityHeaders(reply: FastifyReply, { isPage, secure }: { readonly isPage: boolean; readonly secure: boolean }): void {
  void reply.headers({
    'content-security-policy': isPage ? PAGE_POLICY : DATA_POLICY,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // Only this host, and for long enough to matter: with a certificate of one's own making, preloading would lock people out.
    ...(secure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  })
}
