/** Everything that is set once: a row of sections, each with its own address. */
import { Stack, Tabs } from '@mantine/core'
import { lazy } from 'react'
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router'
import { useMay } from '../../parts/rights.tsx'
import { TEXTS } from '../../texts/en.ts'

const Pools = lazy(async () => ({ default: (await import('../pools/pools.tsx')).Pools }))
const PoolPage = lazy(async () => ({ default: (await import('../pools/pool-page.tsx')).PoolPage }))
const Notifications = lazy(async () => ({ default: (await import('./notifications.tsx')).Notifications }))
const Limits = lazy(async () => ({ default: (await import('./limits.tsx')).Limits }))
const Maintenance = lazy(async () => ({ default: (await import('./maintenance.tsx')).Maintenance }))
const Users = lazy(async () => ({ default: (await import('./users.tsx')).Users }))
const Tokens = lazy(async () => ({ default: (await import('./tokens.tsx')).Tokens }))
const Audit = lazy(async () => ({ default: (await import('./audit.tsx')).Audit }))
const Appearance = lazy(async () => ({ default: (await import('./appearance.tsx')).Appearance }))
const About = lazy(async () => ({ default: (await import('./about.tsx')).About }))

export function Settings() {
  const isAdministrator = useMay('administrator')
  const section = useLocation().pathname.split('/')[2] ?? 'pools'
  const navigate = useNavigate()
  const { sections } = TEXTS.settings
  const shown = (Object.keys(sections) as (keyof typeof sections)[]).filter(
    (key) => isAdministrator || (key !== 'users' && key !== 'audit'),
  )
  return (
    <Stack>
      <Tabs value={section} onChange={(to) => to !== null && navigate(`/settings/${to}`)} className="sections">
        <Tabs.List aria-label={TEXTS.settings.title}>
          {shown.map((key) => (
            <Tabs.Tab value={key} key={key}>
              {sections[key]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {shown.map((key) => (
          <Tabs.Panel value={key} key={key} pt="md">
            {key === section && <Section />}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Stack>
  )
}

function Section() {
  return (
    <Routes>
      <Route index element={<Navigate to="/settings/pools" replace />} />
      <Route path="pools" element={<Pools />} />
      <Route path="pools/:id" element={<PoolPage />} />
      <Route path="notifications" element={<Notifications />} />
      <Route path="limits" element={<Limits />} />
      <Route path="maintenance" element={<Maintenance />} />
      <Route path="users" element={<Users />} />
      <Route path="tokens" element={<Tokens />} />
      <Route path="audit" element={<Audit />} />
      <Route path="appearance" element={<Appearance />} />
      <Route path="about" element={<About />} />
      <Route path="*" element={<Navigate to="/settings/pools" replace />} />
    </Routes>
  )
}
