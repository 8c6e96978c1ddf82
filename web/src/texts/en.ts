/** Every text of the page, in one place. */
import type { ProtectionState } from '../../../src/core/control/protection.ts'

export const TEXTS = {
  product: 'Understudy',
  nav: {
    overview: 'Overview',
    jobs: 'Jobs',
    replicas: 'Replicas',
    plans: 'Plans',
    activity: 'Activity',
    settings: 'Settings',
  },
  protection: {
    protected: 'protected',
    'at-risk': 'at risk',
    missed: 'RPO missed',
    pending: 'first copy pending',
    paused: 'paused',
    'failed-over': 'failed over',
    unprotected: 'unprotected',
  } satisfies Record<ProtectionState, string>,
  copyId: (of: string) => `Copy the whole id of ${of}`,
  signIn: { title: 'Sign in', name: 'User', password: 'Password', go: 'Sign in', out: 'Sign out' },
  setup: {
    title: 'First administrator',
    text: 'This server has no user yet. The name and password that you choose here are those of its administrator.',
    link: 'One-time code (from the link that the server printed)',
    go: 'Create and sign in',
  },
  lost: 'The connection to the server was lost. What you see may be old; it is tried again by itself.',
  retry: 'Try again',
  theme: 'Light or dark',
  search: 'Search VMs, jobs, runs (press /)',
} as const
