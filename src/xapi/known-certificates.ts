/** Certificates that a user accepted, by address, in a file of theirs: one line each, `host:port FINGERPRINT`. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { KnownCertificatesError } from './errors.ts'
import { normalFingerprint } from './fingerprint.ts'

const HEADER = '# Certificates accepted by understudy: host:port, then SHA-256 fingerprint. A line may be removed to be asked again.\n'

export interface KnownCertificates {
  /** Fingerprint (`AB:CD:…`) accepted for `host:port` earlier. Throws KnownCertificatesError. */
  find(address: string): Promise<string | undefined>
  /** Remembers it, in place of an earlier one. */
  remember(address: string, fingerprint: string): Promise<void>
}

/** Where the file is: UNDERSTUDY_KNOWN_CERTIFICATES, else below XDG_CONFIG_HOME, else below ~/.config. */
export function knownCertificatesFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.UNDERSTUDY_KNOWN_CERTIFICATES || join(configFolder(env), 'known-certificates')
}

/** The user's folder for settings of ours: below XDG_CONFIG_HOME, else below ~/.config. */
export function configFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  // The XDG base directory specification: a relative path is to be ignored.
  const base = env.XDG_CONFIG_HOME && isAbsolute(env.XDG_CONFIG_HOME) ? env.XDG_CONFIG_HOME : join(env.HOME || homedir(), '.config')
  return join(base, 'understudy')
}

export function knownCertificates(file: string): KnownCertificates {
  let turn: Promise<unknown> = Promise.resolve()
  return {
    find: async (address) => (await load(file)).get(address.toLowerCase()),
    remember(address, fingerprint) {
      // Read again just before writing, and one write after the other: two pools may be accepted at once.
      const done = turn.then(async () => {
        const entries = await load(file)
        entries.set(address.toLowerCase(), fingerprint)
        await save(file, entries)
      })
      turn = done.catch(() => undefined)
      return done
    },
  }
}

async function load(file: string): Promise<Map<string, string>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new KnownCertificatesError(file, "known certificates can't be read", error)
  }
  const entries = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [address, digits, ...rest] = line.trim().split(/\s+/)
    const fingerprint = normalFingerprint(digits ?? '')
    // Skipping a line that can't be read would make a changed certificate look like a new one.
    if (!address || !fingerprint || rest.length > 0)
      throw new KnownCertificatesError(file, `line ${index + 1} is not "host:port FINGERPRINT"`)
    entries.set(address.toLowerCase(), fingerprint)
  }
  return entries
}

async function save(file: string, entries: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const part = `${file}.${randomUUID()}.part`
  const handle = await open(part, 'wx', 0o600)
  try {
    const lines = [...entries].map(([address, fingerprint]) => `${address} ${fingerprint}\n`)
    await handle.writeFile(HEADER + lines.sort().join(''))
    await handle.sync()
    await handle.close()
    await rename(part, file)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(part, { force: true })
    throw error
  }
}
