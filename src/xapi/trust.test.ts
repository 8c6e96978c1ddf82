import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { normalFingerprint } from './fingerprint.ts'
import { knownCertificates, knownCertificatesFile } from './known-certificates.ts'
import { commandTrust, parseFingerprints, trustAny, trustListed, trustRemembered } from './trust.ts'

const A = Array(32).fill('A1').join(':')
const B = Array(32).fill('B2').join(':')
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-trust-'))
})
after(() => rm(folder, { recursive: true }))

test('fingerprints compare without regard to case, colons and a SHA256 in front', () => {
  for (const text of [A, A.toLowerCase(), A.replaceAll(':', ''), `sha256:${A}`, ` SHA-256=${A.toLowerCase().replaceAll(':', '')} `]) {
    assert.equal(normalFingerprint(text), A)
  }
  for (const text of ['', 'A1', `${A}:A1`, A.replace('A1', 'G1'), A.slice(0, -3)]) assert.equal(normalFingerprint(text), undefined)
})

test('lists of fingerprints are separated by commas or spaces, and a wrong one is named', () => {
  assert.deepEqual(parseFingerprints([`${A}, ${B.toLowerCase()}`, '', `${B}\n${A}`]), [A, B, B, A])
  assert.throws(() => parseFingerprints([`${A},nonsense`]), /nonsense/)
})

test('a listed certificate is accepted at any address, another is refused', async () => {
  const policy = trustListed([A.toLowerCase().replaceAll(':', '')])
  assert.equal(await policy.check('h:443', A), 'accepted')
  assert.equal(await policy.check('h:443', B), 'refused')
})

test('an accepted certificate is remembered for its address, and a changed one is told with the one remembered', async () => {
  const file = join(folder, 'deep', 'er', 'known')
  const asked: string[] = []
  const ask = async (address: string, fingerprint: string) => {
    asked.push(`${address} ${fingerprint}`)
    return true
  }
  assert.equal(await trustRemembered(file).check('h:443', A), 'refused')
  assert.equal(await trustRemembered(file, ask).check('H:443', A), 'accepted')
  assert.equal(await trustRemembered(file).check('h:443', A), 'accepted')
  assert.equal(await trustRemembered(file).check('h:444', A), 'refused')
  assert.deepEqual(await trustRemembered(file, ask).check('h:443', B), { changedFrom: A, where: file })
  assert.deepEqual(asked, [`H:443 ${A}`])
})

test('a certificate that somebody declined is not remembered', async () => {
  const file = join(folder, 'declined')
  assert.equal(await trustRemembered(file, async () => false).check('h:443', A), 'refused')
  await assert.rejects(stat(file), { code: 'ENOENT' })
})

test('the file is private, complete after many writes at once, and leaves nothing else behind', async () => {
  const file = join(folder, 'private', 'known')
  const known = knownCertificates(file)
  await Promise.all(Array.from({ length: 20 }, (_, n) => known.remember(`host${n}:443`, n % 2 ? A : B)))
  for (let n = 0; n < 20; n++) assert.equal(await known.find(`HOST${n}:443`), n % 2 ? A : B)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(folder, 'private')), ['known'])
})

test('a certificate accepted anew replaces the earlier one', async () => {
  const file = join(folder, 'again')
  await knownCertificates(file).remember('h:443', A)
  await knownCertificates(file).remember('h:443', B)
  assert.equal(await knownCertificates(file).find('h:443'), B)
  assert.equal((await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('h:443')).length, 1)
})

test('a line that can not be read is an error that names it, never an unknown certificate', async () => {
  const file = join(folder, 'odd')
  await writeFile(file, `# words\n\nh:443 ${A}\nh2:443 half\n`)
  await assert.rejects(knownCertificates(file).find('h:443'), /odd: line 4/)
})

test('a file that can not be read is an error, never an unknown certificate', async () => {
  const file = join(folder, 'folder-in-its-place')
  await knownCertificates(join(file, 'x')).remember('h:443', A)
  await chmod(file, 0o700)
  await assert.rejects(knownCertificates(file).find('h:443'), /can't be read/)
})

test('a changed certificate outweighs an unknown one, and an accepted one both', async () => {
  const file = join(folder, 'any')
  await knownCertificates(file).remember('h:443', A)
  assert.deepEqual(await trustAny(trustRemembered(file), trustListed([])).check('h:443', B), { changedFrom: A, where: file })
  assert.equal(await trustAny(trustListed([B]), trustRemembered(file)).check('h:443', B), 'accepted')
})

test('the file lies where the environment says', () => {
  assert.equal(knownCertificatesFile({ UNDERSTUDY_KNOWN_CERTIFICATES: '/x/y', XDG_CONFIG_HOME: '/c', HOME: '/h' }), '/x/y')
  assert.equal(knownCertificatesFile({ XDG_CONFIG_HOME: '/c', HOME: '/h' }), '/c/understudy/known-certificates')
  assert.equal(knownCertificatesFile({ XDG_CONFIG_HOME: 'relative', HOME: '/h' }), '/h/.config/understudy/known-certificates')
})

test('a command accepts what --trust and UNDERSTUDY_TRUST name', async () => {
  const env = { UNDERSTUDY_TRUST: A, UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, 'none') }
  assert.equal(await commandTrust({ env }).check('h:443', A), 'accepted')
  assert.equal(await commandTrust({ env }).check('h:443', B), 'refused')
  assert.equal(await commandTrust({ env, trust: [B] }).check('h:443', B), 'accepted')
})
