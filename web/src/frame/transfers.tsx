import { Anchor, Button, Drawer, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { LightningBoltIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { transfersQuery } from '../api/queries.ts'
import { bytes } from '../parts/measures.ts'
import { runPath } from '../parts/paths.ts'
import { VmProgress } from '../parts/vm-progress.tsx'
import { TEXTS } from '../texts/en.ts'

/** How much moves at this moment; opens a list of what does. */
export function Transfers() {
  const [opened, { open, close }] = useDisclosure(false)
  const running = [...(useQuery(transfersQuery).data?.values() ?? [])]
  const speed = running.flatMap(({ disks }) => disks).reduce((sum, { bytesPerSecond }) => sum + (bytesPerSecond ?? 0), 0)
  const shown = speed > 0 ? `${running.length} · ${bytes(speed)}/s` : String(running.length)
  return (
    <>
      <Button
        size="compact-sm"
        variant={running.length > 0 ? 'light' : 'subtle'}
        color={running.length > 0 ? 'blue' : 'gray'}
        leftSection={<LightningBoltIcon aria-hidden />}
        onClick={open}
        aria-label={TEXTS.transfers.button(shown)}
        className="figures"
      >
        {shown}
      </Button>
      <Drawer
        opened={opened}
        onClose={close}
        position="right"
        title={TEXTS.transfers.title}
        lockScroll={false}
        transitionProps={{ duration: 0 }}
        closeButtonProps={{ 'aria-label': TEXTS.actions.close }}
      >
        <Stack>
          <Text size="sm">{running.length === 0 ? TEXTS.transfers.none : TEXTS.transfers.some(running.length, `${bytes(speed)}/s`)}</Text>
          {running.map((vmRun) => (
            <div key={vmRun.id}>
              <Anchor component={Link} to={runPath(vmRun.run)} onClick={close} fw={600} size="sm">
                {vmRun.vm.name}
              </Anchor>
              <VmProgress vmRun={vmRun} />
            </div>
          ))}
        </Stack>
      </Drawer>
    </>
  )
}
