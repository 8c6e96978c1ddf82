import { ActionIcon, type MantineColorScheme, Menu, useMantineColorScheme } from '@mantine/core'
import { CheckIcon, DesktopIcon, MoonIcon, SunIcon } from '@radix-ui/react-icons'
import { TEXTS } from '../texts/en.ts'

export const SCHEMES = [
  { value: 'light', label: TEXTS.theme.light, Icon: SunIcon },
  { value: 'dark', label: TEXTS.theme.dark, Icon: MoonIcon },
  { value: 'auto', label: TEXTS.theme.auto, Icon: DesktopIcon },
] as const satisfies readonly { value: MantineColorScheme; label: string; Icon: unknown }[]

export function ThemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const { Icon } = SCHEMES.find(({ value }) => value === colorScheme) ?? SCHEMES[2]
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={TEXTS.theme.label}>
          <Icon width={16} height={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme.value}
            leftSection={<scheme.Icon aria-hidden />}
            rightSection={scheme.value === colorScheme ? <CheckIcon aria-hidden /> : undefined}
            onClick={() => setColorScheme(scheme.value)}
          >
            {scheme.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
