/** The nouns that a server is spoken to about, loaded by name. */
import type { Action, Noun } from './action.ts'

export const NOUNS: Readonly<Record<string, () => Promise<Noun>>> = {
  pool: async () => (await import('./pool.ts')).noun,
  job: async () => (await import('./job.ts')).noun,
  schedule: async () => (await import('./schedule.ts')).noun,
  run: async () => (await import('./run.ts')).noun,
  replica: async () => (await import('./replica.ts')).noun,
  activity: async () => (await import('./activity.ts')).noun,
  plan: async () => (await import('./recovery-plan.ts')).noun,
  seed: async () => (await import('./seed.ts')).noun,
  notification: async () => (await import('./notification.ts')).noun,
  settings: async () => (await import('./settings.ts')).noun,
  user: async () => (await import('./user.ts')).noun,
  token: async () => (await import('./token.ts')).noun,
  audit: async () => (await import('./audit.ts')).noun,
  server: async () => (await import('./server.ts')).noun,
  config: async () => (await import('./config.ts')).noun,
}

/** Commands to a server that are one action. */
export const SINGLE: Readonly<Record<string, () => Promise<Action>>> = {
  setup: async () => (await import('./login.ts')).setup,
  login: async () => (await import('./login.ts')).login,
  logout: async () => (await import('./login.ts')).logout,
  status: async () => (await import('./status.ts')).status,
}
