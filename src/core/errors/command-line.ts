import type { ErrorArea } from './entry.ts'

/** What the command line finds itself before or while it talks to a server. */
export const COMMAND_LINE = {
  SERVER_UNKNOWN: {
    title: 'no server was named, or its name is not known',
    hint: "'understudy login https://HOST:PORT' stores one; or name one by --server or UNDERSTUDY_SERVER",
    status: 400,
  },
  SERVER_UNREACHABLE: {
    title: 'the server can not be reached',
    cause: 'it does not run, the address is wrong, or something in between does not let the connection through',
    hint: "is 'understudy serve' running there? --server, UNDERSTUDY_SERVER or 'understudy config list' say where",
    status: 502,
  },
  CONFIG_UNREADABLE: {
    title: 'the file of known servers can not be used',
    hint: "remove it, and run 'understudy login' again",
    status: 500,
  },
  USAGE: { title: 'the command was called wrongly', hint: "see its '--help'", status: 400 },
  COMMAND_FAILED: {
    title: 'the command failed for a reason that has no code of its own',
    hint: 'its text says what to do',
    status: 500,
  },
  NAME_UNKNOWN: { title: 'nothing has this name or id', hint: "the action 'list' shows what there is", status: 404 },
  NAME_AMBIGUOUS: { title: 'several things have this name', hint: 'name it by its id', status: 409 },
} as const satisfies ErrorArea
