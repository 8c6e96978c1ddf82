/** The documentation: for browsers as pages that can be read, with an anchor at each heading and each code; for everybody else as it is. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { noSuchAddress } from '../register-route.ts'
import { setSecurityHeaders } from '../security-headers.ts'
import { escapeHtml, type RenderedDocument, renderMarkdown } from './render-markdown.ts'
import { DOCS_STYLE } from './style.ts'

export async function registerDocs(app: FastifyInstance, folder: string, secure: boolean): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder,
    prefix: '/docs/',
    decorateReply: false,
    index: false,
    // Documents have the route below.
    allowedPath: (path) => /^\/([\w-]+\.(svg|png|json)|operations\/[\w.-]+)$/.test(path),
    setHeaders: (reply, path) => {
      if (/[/\\]operations[/\\]/.test(path)) void reply.header('content-type', 'text/plain; charset=utf-8')
    },
  })
  const hidden = { schema: { hide: true } }
  app.get('/docs', hidden, async (_request, reply) => reply.redirect('/docs/index.md'))
  app.get('/docs/', hidden, async (_request, reply) => reply.redirect('/docs/index.md'))
  app.get('/docs/style.css', hidden, async (_request, reply) => reply.type('text/css; charset=utf-8').send(DOCS_STYLE))
  app.get<{ Params: { name: string } }>('/docs/:name.md', hidden, async (request, reply) => {
    const text = await documentOf(folder, request)
    void reply.header('vary', 'accept')
    if (!(request.headers.accept ?? '').includes('text/html')) return reply.type('text/plain; charset=utf-8').send(text)
    setSecurityHeaders(reply, { isPage: true, secure })
    return reply.type('text/html; charset=utf-8').send(pageOf(renderMarkdown(text)))
  })
}

async function documentOf(folder: string, request: FastifyRequest<{ Params: { name: string } }>): Promise<string> {
  const { name } = request.params
  if (!/^[\w-]+$/.test(name)) throw noSuchAddress(request)
  try {
    return await readFile(join(folder, `${name}.md`), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noSuchAddress(request)
    throw error
  }
}

function pageOf({ title, html, headings }: RenderedDocument): string {
  const contents = headings.filter(({ level }) => level === 2).map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · Understudy</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header><a href="/">Understudy</a> <a href="/docs/index.md">Documentation</a></header>
<div class="columns">
<nav aria-label="On this page"><ul>${contents.join('')}</ul></nav>
<main>
${html}
</main>
</div>
</body>
</html>
`
}
