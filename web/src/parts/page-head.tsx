import { Anchor, Breadcrumbs, Group, Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import { Link } from 'react-router'
import { TEXTS } from '../texts/en.ts'

interface Crumb {
  readonly to: string
  readonly label: string
}

/** Where one is, in the page and in the browser's title, and what can be done here. */
export function PageHead({
  title,
  above = [],
  children,
}: {
  readonly title: string
  readonly above?: readonly Crumb[]
  readonly children?: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} · ${TEXTS.product}`
  }, [title])
  return (
    <div>
      {above.length > 0 && (
        <Breadcrumbs separatorMargin={6} fz={13}>
          {above.map(({ to, label }) => (
            <Anchor component={Link} to={to} key={to} size="sm">
              {label}
            </Anchor>
          ))}
          <span aria-hidden />
        </Breadcrumbs>
      )}
      <Group justify="space-between" gap="xs">
        <Title order={1} size="h3" className="wrap">
          {title}
        </Title>
        {children !== undefined && <Group gap="xs">{children}</Group>}
      </Group>
    </div>
  )
}
