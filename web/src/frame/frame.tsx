/** The rail (on narrow screens a bar at the bottom), and what is global on top. */
import { Alert } from '@mantine/core'
import { CalendarIcon, CounterClockwiseClockIcon, DashboardIcon, GearIcon, LayersIcon, RocketIcon } from '@radix-ui/react-icons'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link, useLocation } from 'react-router'
import { useLiveEvents } from '../api/events.ts'
import { TEXTS } from '../texts/en.ts'
import { Search } from './search.tsx'
import { ThemeMenu } from './theme-menu.tsx'
import { Transfers } from './transfers.tsx'
import { UserMenu } from './user-menu.tsx'

const PLACES = [
  { to: '/', label: TEXTS.nav.overview, Icon: DashboardIcon, also: [] },
  { to: '/jobs', label: TEXTS.nav.jobs, Icon: CalendarIcon, also: [] },
  { to: '/replicas', label: TEXTS.nav.replicas, Icon: LayersIcon, also: [] },
  { to: '/plans', label: TEXTS.nav.plans, Icon: RocketIcon, also: [] },
  { to: '/activity', label: TEXTS.nav.activity, Icon: CounterClockwiseClockIcon, also: ['/runs', '/activities'] },
  { to: '/settings', label: TEXTS.nav.settings, Icon: GearIcon, also: [] },
] as const

export function Frame({ children }: { readonly children: ReactNode }) {
  const liveness = useLiveEvents()
  const { pathname } = useLocation()
  const main = useRef<HTMLElement>(null)
  const before = useRef(pathname)
  useEffect(() => {
    // Another page: who reads it aloud begins at its top.
    if (before.current !== pathname) main.current?.focus({ preventScroll: true })
    if (before.current !== pathname) window.scrollTo(0, 0)
    before.current = pathname
  }, [pathname])
  const isHere = (to: string, also: readonly string[]) =>
    to === '/' ? pathname === '/' : [to, ...also].some((place) => pathname === place || pathname.startsWith(`${place}/`))
  return (
    <div className="frame">
      <header>
        <a className="skip" href="#main">
          {TEXTS.nav.skip}
        </a>
        <Link to="/" className="brand">
          <img src="/icon.svg" width={20} height={20} alt={TEXTS.product} />
          <span aria-hidden>{TEXTS.product}</span>
        </Link>
        <div className="find">
          <Search />
        </div>
        <Transfers />
        <ThemeMenu />
        <UserMenu />
      </header>
      <nav aria-label={TEXTS.nav.label}>
        {PLACES.map(({ to, label, Icon, also }) => (
          <Link key={to} to={to} aria-current={isHere(to, also) ? 'page' : undefined}>
            <Icon width={16} height={16} aria-hidden />
            {label}
          </Link>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {liveness === 'lost' && (
          <Alert color="yellow" mb="md" role="status">
            {TEXTS.lost}
          </Alert>
        )}
        {children}
      </main>
    </div>
  )
}
