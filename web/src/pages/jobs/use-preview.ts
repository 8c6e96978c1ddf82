import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { post } from '../../api/client.ts'
import type { Preview, Selection } from '../../api/types.ts'

/** What a selection chooses at this moment, as the server sees it; asked for shortly after it was changed. */
export function usePreview(selection: Selection): UseQueryResult<Preview> {
  const [settled] = useDebouncedValue(selection, 200)
  return useQuery({
    queryKey: ['preview', settled],
    queryFn: () => post('/jobs/preview', { body: settled }),
    // Nothing is chosen: there is nothing to ask, and what was shown before is not true any more.
    enabled: settled.include.length > 0,
    ...(selection.include.length > 0 ? { placeholderData: keepPreviousData } : {}),
    staleTime: 5_000,
  })
}
