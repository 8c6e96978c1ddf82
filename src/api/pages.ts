/** Files that the server hands out: the page when it was built, the documentation, the interactive description of the API. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { registerDocs } from './docs/docs-routes.ts'
import { API_PREFIX, noSuchAddress } from './register-route.ts'
import { API_DOCS_POLICY, PAGE_POLICY, setSecurityHeaders } from './security-headers.ts'

export interface PageOptions {
  /** The built page (dist-web); left out or missing: there is none. */
  readonly pageFolder?: string
  /** docs/ of the package: what problems link to. */
  readonly docsFolder?: string
  readonly secure: boolean
}

/** Our own file without a page: how to go on by other means. */
const NO_PAGE = `Understudy runs here, without its page.
The API describes itself at ${API_PREFIX}/docs; the command line (understudy login) does everything.
At the first start the server printed a one-time link: what is after # in it goes to
  understudy setup, or POST ${API_PREFIX}/setup {"link": "…", "name": "…", "password": "…"}
`

export async function registerPages(app: FastifyInstance, options: PageOptions): Promise<void> {
  const { pageFolder, docsFolder, secure } = options
  await app.register(async (docs) => {
    docs.addHook('onRequest', async (_request, reply) => {
      setSecurityHeaders(reply, { isPage: true, secure })
      void reply.header('content-security-policy', API_DOCS_POLICY)
    })
    await docs.register(swaggerUi, {
      routePrefix: `${API_PREFIX}/docs`,
      uiConfig: { docExpansion: 'none', deepLinking: true, persistAuthorization: false, validatorUrl: null },
      staticCSP: false,
      theme: { title: 'Understudy API' },
    })
  })
  if (docsFolder !== undefined && existsSync(docsFolder)) await registerDocs(app, docsFolder, secure)
  const hasPage = pageFolder !== undefined && existsSync(join(pageFolder, 'index.html'))
  if (hasPage) {
    await app.register(fastifyStatic, {
      root: pageFolder,
      prefix: '/',
      cacheControl: false,
      setHeaders: (reply, path) => {
        // Vite names these by their content.
        const isNamedByContent = /[/\\]assets[/\\]/.test(path)
        void reply.header('cache-control', isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache')
        void reply.header('content-security-policy', PAGE_POLICY)
      },
    })
  } else {
    app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.type('text/plain; charset=utf-8').send(NO_PAGE))
  }
  app.setNotFoundHandler(async (request, reply) => {
    // The page's own addresses have no files: they all are the page.
    if (hasPage && request.method === 'GET' && isOfPage(request.url)) return reply.sendFile('index.html')
    throw noSuchAddress(request)
  })
}

const isOfPage = (url: string): boolean => !/^\/(api|docs|assets|healthz|readyz|metrics)(\/|$)/.test(url.split('?')[0] ?? '')
