import { Button, Group } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { pageOf } from '../api/client.ts'
import type { Item, PagedPath, Query } from '../api/operations.ts'
import { TEXTS } from '../texts/en.ts'
import { ProblemNote } from './problem-note.tsx'
import { Rows, type RowsProps } from './rows.tsx'
import { Waiting } from './waiting.tsx'

interface PagedRowsProps<Path extends PagedPath> extends Omit<RowsProps<Item<Path>>, 'rows'> {
  readonly queryKey: readonly unknown[]
  readonly path: Path
  readonly filter: Omit<Query<Path>, 'limit' | 'after'>
  /** Rows that are asked for at once. */
  readonly limit?: number
  /** Milliseconds; no events keep it. */
  readonly staleTime?: number
  /** In place of the table when there are none. */
  readonly empty: ReactNode
}

/** A list of the API that is asked for page by page. */
export function PagedRows<Path extends PagedPath>({
  queryKey,
  path,
  filter,
  limit = 100,
  staleTime,
  empty,
  ...table
}: PagedRowsProps<Path>) {
  const pages = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => pageOf(path, { ...filter, limit, after: pageParam } as Query<Path>),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    ...(staleTime === undefined ? {} : { staleTime }),
  })
  const rows = pages.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <>
      <ProblemNote error={pages.error} />
      {pages.isPending && <Waiting />}
      {pages.data !== undefined && rows.length === 0 && empty}
      {rows.length > 0 && <Rows {...table} rows={rows} />}
      {pages.hasNextPage && (
        <Group>
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => pages.fetchNextPage()}>
            {TEXTS.runs.more}
          </Button>
        </Group>
      )}
    </>
  )
}
