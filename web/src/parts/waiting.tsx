import { Skeleton, Stack } from '@mantine/core'
import { TEXTS } from '../texts/en.ts'

/** In the place of what is being fetched. */
export function Waiting({ lines = 6 }: { readonly lines?: number }) {
  return (
    <Stack gap="xs" role="status" aria-label={TEXTS.loading}>
      {Array.from({ length: lines }, (_, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <Skeleton height={28} key={nth} />
      ))}
    </Stack>
  )
}
