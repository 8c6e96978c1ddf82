import { Button, Stack } from '@mantine/core'
import { Link } from 'react-router'
import { Empty } from '../parts/empty.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { TEXTS } from '../texts/en.ts'

export function NotFound() {
  return (
    <Stack>
      <PageHead title={TEXTS.notFound.title} />
      <Empty text={TEXTS.notFound.text}>
        <Button component={Link} to="/">
          {TEXTS.notFound.go}
        </Button>
      </Empty>
    </Stack>
  )
}
