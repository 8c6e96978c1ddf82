import type { ErrorArea } from './entry.ts'

/** The server's data folder: its database, its key, its backups. */
export const STORING = {
  FOLDER_UNUSABLE: {
    title: "the server's data folder can't be made or written to",
    hint: 'check who owns it and whether the disk is full',
    status: 500,
  },
  FOLDER_IN_USE: {
    title: 'another server uses the data folder',
    hint: 'stop that one first, or name another folder',
    status: 409,
  },
  DATABASE_NEWER: {
    title: 'the database was used by a newer version of understudy',
    hint: 'start that version or a later one, or restore a backup of before the upgrade (understudy server restore)',
    status: 409,
  },
  DATABASE_UNREADABLE: {
    title: "the file can't be read as a database",
    cause: 'the disk is damaged, or it is another kind of file',
    hint: 'restore a backup (understudy server restore); the damaged file is kept beside it',
    status: 500,
  },
  BACKUP_EXISTS: { title: 'there is a file of this name already', hint: 'name another one: no backup is overwritten', status: 409 },
  BACKUP_FAILED: { title: "the backup can't be written", hint: 'check the folder, its owner and the room on the disk', status: 500 },
  BACKUP_UNUSABLE: {
    title: 'the file is no whole backup of an understudy database',
    hint: 'name another backup; the database in use was not touched',
    status: 422,
  },
  KEY_UNUSABLE: {
    title: "the key of the stored passwords can't be read, or others can read it",
    hint: 'mend the file named, or the variable',
    status: 500,
  },
  KEY_MISSING: {
    title: 'the key of the stored passwords is missing',
    hint: 'put secrets.key back into the data folder, or set UNDERSTUDY_KEY or UNDERSTUDY_KEY_FILE; nothing was lost, and no new key was made',
    status: 500,
  },
  KEY_WRONG: {
    title: 'the stored passwords were encrypted with another key',
    hint: 'give the server the key that it had when they were stored (secrets.key, UNDERSTUDY_KEY, UNDERSTUDY_KEY_FILE); nothing was changed',
    status: 500,
  },
  SECRET_DAMAGED: {
    title: "a stored password can't be decrypted",
    cause: 'it was altered in the database, or moved from another row',
    hint: 'type the password anew',
    status: 500,
  },
  CURSOR_INVALID: {
    title: 'the place in the list is none that was handed out',
    hint: 'ask for the first page again (leave out `after`)',
    status: 422,
  },
} as const satisfies ErrorArea
