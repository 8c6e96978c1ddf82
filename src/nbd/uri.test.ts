import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNbdUri } from './uri.ts'

test('NBD URIs name a host, a port, an export and whether TLS is wanted', () => {
  const table: [string, ReturnType<typeof parseNbdUri>][] = [
    ['nbd://example.org', { address: { host: 'example.org', port: 10809 }, exportName: '', tls: false }],
    ['nbds://10.0.0.1:9000/disk%20a', { address: { host: '10.0.0.1', port: 9000 }, exportName: 'disk a', tls: true }],
    ['nbd://[::1]:80/x', { address: { host: '::1', port: 80 }, exportName: 'x', tls: false }],
    ['nbd://h//lead?tls-verify-peer=false', { address: { host: 'h', port: 10809 }, exportName: '/lead', tls: false }],
    ['nbd+unix:///?socket=/run/a%20b.sock', { address: { socketPath: '/run/a b.sock' }, exportName: '', tls: false }],
    ['nbds+unix:///name?socket=/s', { address: { socketPath: '/s' }, exportName: 'name', tls: true }],
  ]
  for (const [uri, expected] of table) assert.deepEqual(parseNbdUri(uri), expected, uri)
})

test('what is no NBD URI is refused without being repeated', () => {
  for (const uri of [
    '',
    'http://h/',
    'nbd:h:1',
    'nbd+unix:///secret',
    'nbd://h:port/secret',
    'nbd://h/%zzsecret',
    'nbd://h:99999/secret',
    'nbd+vsock://1/secret',
  ]) {
    assert.throws(
      () => parseNbdUri(uri),
      (error: Error & { code?: string }) => error.code === 'NBD_URI_INVALID' && !error.message.includes('secret'),
      uri,
    )
  }
})
