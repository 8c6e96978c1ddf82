/** The two RPC endpoints. JSON at /jsonrpc and below; XML everywhere else, since an unknown POST path ends at `/`. */
import type { Dispatcher } from '../rpc/dispatcher.ts'
import { answerJson } from '../rpc/json-rpc.ts'
import { Malformed } from '../rpc/malformed.ts'
import { answerXml } from '../rpc/xml-rpc.ts'
import type { Connection } from './connection.ts'
import { ReplyPage } from './reply-page.ts'
import type { RequestHead } from './request.ts'
import type { Route } from './server.ts'

/** http_limit_max_rpc_size in xen-api ocaml/xapi-consts/constants.ml. */
const MAX_BODY_BYTES = 300 * 1024

export function rpcRoutes(dispatcher: Dispatcher): Route[] {
  const route = (path: string, type: string, answer: (dispatcher: Dispatcher, body: string) => Promise<string>): Route => ({
    method: 'POST',
    path,
    async handle(head, wire) {
      const body = await readBody(head, wire)
      const reply = await answer(dispatcher, body).catch((error: unknown) => {
        throw error instanceof Malformed ? new ReplyPage('internal error', error.message) : error
      })
      const bytes = Buffer.from(reply)
      const lines = [
        `${head.version} 200 OK`,
        `content-type: ${type}`,
        `connection: ${head.keepAlive ? 'keep-alive' : 'close'}`,
        'cache-control: no-cache, no-store',
        `content-length: ${bytes.length}`,
      ]
      await wire.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]))
      return head.keepAlive ? 'keep' : 'close'
    },
  })
  return [route('/jsonrpc', 'application/json', answerJson), route('/', 'text/xml', answerXml)]
}

async function readBody(head: RequestHead, wire: Connection): Promise<string> {
  const { contentLength } = head
  if (contentLength === undefined) throw new ReplyPage('internal error', 'a content-length is needed')
  if (contentLength > MAX_BODY_BYTES) throw new ReplyPage('internal error', 'the body is too large')
  const bytes = await wire.read(contentLength)
  if (bytes.length < contentLength) throw new ReplyPage('silent')
  return bytes.toString('utf8')
}
