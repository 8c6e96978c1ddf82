import { type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { sessionsOf } from './sessions.ts'

export const sessionMessages: MessageTable = {
  'session.login_with_password': ({ pool }, user: string, password: string, _version?: string, originator = '') =>
    sessionsOf(pool).login(user, password, originator),
  'session.slave_local_login_with_password': ({ pool }, user: string, password: string) => sessionsOf(pool).login(user, password, ''),
  'session.logout': ({ pool, session }) => {
    sessionsOf(pool).logout(session)
    return undefined
  },
  'session.local_logout': ({ pool, session }) => {
    sessionsOf(pool).logout(session)
    return undefined
  },
  'session.get_all_subject_identifiers': () => [],
  'session.logout_subject_identifier': (_call, _subject: Refstring) => undefined,
  'session.change_password': () => {
    throw new XapiFailure('NOT_IMPLEMENTED', ['session.change_password'])
  },
}
