import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, formatUrl, PoolUrlError, parseAddress, parsePoolUrl } from './pool-url.ts'

const urls: [text: string, url: string, user: string, password: string][] = [
  ['https://root:pw@host.example', 'https://host.example', 'root', 'pw'],
  ['https://root:pw@host.example/', 'https://host.example', 'root', 'pw'],
  ['https://root:pw@host.example:8443', 'https://host.example:8443', 'root', 'pw'],
  ['HTTPS://root:pw@10.0.0.1:443', 'https://10.0.0.1', 'root', 'pw'],
  ['https://root:pw@[2001:db8::1]:8443', 'https://[2001:db8::1]:8443', 'root', 'pw'],
  ['https://root:pw@[2001:db8::1]', 'https://[2001:db8::1]', 'root', 'pw'],
  ['https://dom%5Cuser:p%40ss%3Aw%2Frd%25%20%C3%A9@h', 'https://h', 'dom\\user', 'p@ss:w/rd% é'],
  ['http://root:pw@127.0.0.1:8080', 'http://127.0.0.1:8080', 'root', 'pw'],
  ['http://root:pw@localhost', 'http://localhost', 'root', 'pw'],
  ['http://root:pw@[::1]:8080', 'http://[::1]:8080', 'root', 'pw'],
]
for (const [text, url, user, password] of urls) {
  test(`pool URL ${text} is read`, () => assert.deepEqual(parsePoolUrl(text), { url, user, password }))
}

const wrong: [text: string, about: RegExp][] = [
  ['host.example', /https:\/\//],
  ['root:hunter2@host.example', /https:\/\//],
  ['ftp://root:hunter2@host', /ftp/],
  ['https://host.example', /without a user/],
  ['https://root@host.example', /without a password/],
  ['https://root:hunter2%zz@host', /percent|%25/],
  ['https://root:hunter2/x@host', /percent-encoded|behind the host|read/],
  ['https://root:hunter2@host/path', /behind the host/],
  ['https://root:hunter2@host?x=1', /behind the host/],
  ['https://root:hunter2@host:99999', /read/],
  ['https://root:hunter2@host:0', /port 0/],
  ['http://root:hunter2@host.example', /https:\/\//],
]
for (const [text, about] of wrong) {
  test(`pool URL ${text} is refused with a reason and without its password`, () => {
    assert.throws(
      () => parsePoolUrl(text),
      (error: unknown) => error instanceof PoolUrlError && about.test(error.message) && !error.message.includes('hunter2'),
    )
  })
}

test('http:// to another machine is accepted only when asked for', () => {
  assert.equal(parsePoolUrl('http://root:pw@host', { allowPlainHttp: true }).url, 'http://host')
})

test('addresses keep their brackets where they are needed', () => {
  const address = parseAddress('https://[2001:db8::1]')
  assert.deepEqual(address, { host: '2001:db8::1', port: 443, tls: true })
  assert.equal(formatAddress(address), '[2001:db8::1]:443')
  assert.equal(formatUrl({ host: 'h', port: 80, tls: true }), 'https://h:80')
})

test('a URL with credentials is not taken where none belong', () => {
  assert.throws(() => parseAddress('https://root:hunter2@host'), PoolUrlError)
})
