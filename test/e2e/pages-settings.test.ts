import { lookAtPages } from '../support/every-page.ts'

const section = (name: string) => () => `/settings/${name}`

lookAtPages({
  pools: section('pools'),
  'a pool': ({ pool }) => `/settings/pools/${pool}`,
  limits: section('limits'),
  maintenance: section('maintenance'),
  notifications: section('notifications'),
  users: section('users'),
  tokens: section('tokens'),
  audit: section('audit'),
  appearance: section('appearance'),
  about: section('about'),
})
