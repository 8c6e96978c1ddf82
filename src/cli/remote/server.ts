/** `understudy server`: what is done to a server's data folder on the server's own machine. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeSetupLink } from '../../api/auth/setup-links.ts'
import { backupFolder, restoreFolder } from '../../store/backup-folder.ts'
import { DATABASE_FILE, openStore } from '../../store/open-store.ts'
import { openSecrets } from '../../store/secrets/secrets.ts'
import { CommandFailure } from '../command.ts'
import { dataFolder } from '../data-folder.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { nounCommand } from './noun-command.ts'

const DATA = {
  data: { value: 'DIR', help: "the server's data folder (UNDERSTUDY_DATA; ~/.local/share/understudy)", completes: 'file' },
} as const
const FILE = [{ name: 'FILE', completes: 'file' }] as const

const noun: Noun = {
  name: 'server',
  summary: "a server's data folder, on its own machine: back up, restore, rotate the key, let an administrator in",
  notes: 'These speak to no server, but open its data folder: run them as the user that the server runs as.',
  actions: {
    backup: {
      summary: 'copy the database into a new file, also while the server runs',
      positionals: FILE,
      options: DATA,
      notes: 'The key of the stored passwords (secrets.key) is not in it: keep a copy of that apart.',
      local: true,
      run: backup,
    },
    restore: {
      summary: 'put a backup in the place of the database, which is kept beside it; the server has to be stopped',
      positionals: FILE,
      options: DATA,
      local: true,
      run: restore,
    },
    'rotate-key': {
      summary: 'encrypt all stored passwords anew with a new key; the server has to be stopped',
      options: DATA,
      notes: 'A key that comes from the environment (UNDERSTUDY_KEY) is replaced by the one in UNDERSTUDY_NEW_KEY.',
      local: true,
      run: rotateKey,
    },
    'reset-admin': {
      summary: 'make a one-time link by which you become an administrator, also while the server runs',
      options: DATA,
      notes: 'For when nobody knows a password any more. The link is good for a day, once; a new one ends the one before.',
      local: true,
      run: resetAdmin,
    },
  },
}

export const command = nounCommand(noun)
export { noun }

async function backup(context: Context, given: Given): Promise<number> {
  const file = resolve(given.argument('FILE'))
  await backupFolder(dataFolder(given.text('data')), file)
  context.show(
    { file },
    () => `The database was copied to ${file}. Keep a copy of secrets.key apart: without it the passwords in there are lost.`,
  )
  return 0
}

async function restore(context: Context, given: Given): Promise<number> {
  const { kept } = await restoreFolder(dataFolder(given.text('data')), resolve(given.argument('FILE')), new Date())
  context.show({ kept: kept ?? null }, () => `The backup is in place.${kept === undefined ? '' : ` What was there before is ${kept}.`}`)
  return 0
}

async function rotateKey(context: Context, given: Given): Promise<number> {
  const store = await openStore({ folder: dataFolder(given.text('data')) })
  try {
    const secrets = await openSecrets(store)
    const count = await secrets.rotate()
    context.show(
      { secrets: count, keyId: secrets.keyId },
      () => `${count} stored passwords are encrypted with the new key ${secrets.keyId}. Make a new copy of it.`,
    )
    return 0
  } finally {
    await store.close()
  }
}

async function resetAdmin(context: Context, given: Given): Promise<number> {
  const folder = dataFolder(given.text('data'))
  if (!existsSync(join(folder, DATABASE_FILE))) {
    throw new CommandFailure(`there is no server's database in ${folder}`, { hint: 'name its data folder by --data' })
  }
  const link = makeSetupLink(folder, Date.now())
  context.show({ link }, () => `${link}\n`)
  context.note("This is shown once, and good for a day: 'understudy setup URL' asks for it, and so does the page of the server.")
  return 0
}
