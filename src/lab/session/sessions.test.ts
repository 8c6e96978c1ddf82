import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type BarePool, barePool, failsWith } from '../../../test/support/bare-pool.ts'
import { collector } from '../tasks/collection.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const login = 'session.login_with_password'

describe('sessions', () => {
  let bare: BarePool
  beforeEach(async () => {
    bare = await barePool()
  })
  afterEach(() => bare.close())
  const loggedIn = async (originator = '') => (await bare.dispatcher.dispatch(login, ['root', 'secret', '1.0', originator])).value as string
  const works = (session: string) => bare.dispatcher.dispatch('pool.get_all', [session])

  for (const [user, password] of [
    ['root', 'wrong'],
    ['root', ''],
    ['nobody', 'secret'],
    ['', ''],
  ] as const) {
    test(`${user || 'nobody'} with ${password || 'no password'} is refused, and the password is in no error`, async () => {
      await assert.rejects(bare.dispatcher.dispatch(login, [user, password]), (error) => {
        failsWith('SESSION_AUTHENTICATION_FAILED', user)(error)
        assert.ok(password === '' || !JSON.stringify(error).includes(`"${password}"`))
        return true
      })
    })
  }

  test('a session ends with logout, and only that one', async () => {
    const [one, two] = [await loggedIn(), await loggedIn()]
    await bare.dispatcher.dispatch('session.logout', [one])
    await assert.rejects(works(one), failsWith('SESSION_INVALID', one))
    await works(two)
  })

  test('an idle session ends after a day, one that is used does not', async () => {
    const [idle, used] = [await loggedIn('a'), await loggedIn('a')]
    const collect = collector(bare.pool)
    for (let hours = 0; hours < 25; hours += 5) {
      bare.advance(DAY_MS / 4.8)
      await works(used)
      collect()
    }
    await works(used)
    await assert.rejects(works(idle), failsWith('SESSION_INVALID'))
  })

  test('past 500 sessions of one originator the longest unused go, others stay', async () => {
    const other = await loggedIn('other')
    const sessions: string[] = []
    for (let i = 0; i < 510; i++) {
      bare.advance(1)
      sessions.push(await loggedIn('one'))
    }
    bare.advance(1)
    await works(sessions[0] as string)
    collector(bare.pool)()
    await works(other)
    await works(sessions[0] as string)
    await works(sessions[11] as string)
    await assert.rejects(works(sessions[1] as string), failsWith('SESSION_INVALID'))
    await assert.rejects(works(sessions[10] as string), failsWith('SESSION_INVALID'))
  })
})
