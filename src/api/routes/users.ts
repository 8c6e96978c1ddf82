import { addUser } from '../../store/users/add-user.ts'
import { changeUser } from '../../store/users/change-user.ts'
import { getUser } from '../../store/users/find-user.ts'
import { listUsers } from '../../store/users/list-users.ts'
import { removeSessions } from '../../store/users/remove-sessions.ts'
import { removeUser } from '../../store/users/remove-user.ts'
import { hashPassword, refuseWeakPassword } from '../auth/password.ts'
import { route } from '../route.ts'
import * as schema from '../schema/access.ts'
import { page } from '../schema/forms.ts'

export const userRoutes = [
  route({
    method: 'GET',
    path: '/users',
    needs: 'administrator',
    summary: 'Lists the users',
    reply: page(schema.user, 'UserPage'),
    handle: async ({ api }) => ({ items: await listUsers(api.store.db), next: null }),
  }),
  route({
    method: 'POST',
    path: '/users',
    needs: 'administrator',
    summary: 'Adds a user',
    body: schema.newUser,
    reply: schema.user,
    status: 201,
    audit: 'user.add',
    async handle({ api, body: { name, role, password } }) {
      refuseWeakPassword(password, name)
      return await addUser(api.store, { name, role, passwordHash: await hashPassword(password) }, api.now())
    },
  }),
  route({
    method: 'GET',
    path: '/users/:id',
    needs: 'administrator',
    summary: 'Shows a user',
    reply: schema.user,
    handle: async ({ api, params }) => (await getUser(api.store.db, params.id)).user,
  }),
  route({
    method: 'PATCH',
    path: '/users/:id',
    needs: 'administrator',
    summary: 'Changes role or password of a user, or disables them',
    description: 'A new password and disabling end the sessions of the user; what their tokens may do follows the role at once.',
    body: schema.userChange,
    reply: schema.user,
    audit: 'user.change',
    async handle({ api, params, body: { role, disabled, password }, who }) {
      const { user } = await getUser(api.store.db, params.id)
      if (password !== undefined) refuseWeakPassword(password, user.name)
      const changed = await changeUser(api.store, user.id, {
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
        ...(password === undefined ? {} : { passwordHash: await hashPassword(password) }),
      })
      if (password !== undefined || disabled === true) {
        const own = who.kind === 'session' && who.user.id === user.id && disabled !== true ? who.idHash : undefined
        await removeSessions(api.store.db, { user: user.id, ...(own === undefined ? {} : { except: own }) })
        api.endings.ended({ user: user.id, ...(own === undefined ? {} : { exceptSession: own }) })
      }
      return changed
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/:id',
    needs: 'administrator',
    summary: 'Removes a user with their sessions and tokens',
    audit: 'user.remove',
    async handle({ api, params }) {
      await removeUser(api.store, params.id)
      api.endings.ended({ user: params.id })
      return undefined
    },
  }),
]
