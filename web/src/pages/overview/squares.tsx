/** One square a VM and target. Thousands of them are one stop of the Tab key; arrow keys move between them. */
import { Paper, Stack, Text, Title } from '@mantine/core'
import { type KeyboardEvent, useMemo, useRef, useState } from 'react'
import { Link } from 'react-router'
import type { Protection, ProtectionState } from '../../api/types.ts'
import { replicaPath } from '../../parts/paths.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.overview

/** A shape beside the colour. */
const SHAPES: Readonly<Record<ProtectionState, string>> = {
  protected: '✓',
  'at-risk': '!',
  missed: '✕',
  pending: '…',
  paused: '‖',
  'failed-over': '⇄',
  unprotected: '–',
}
const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }

const tell = (one: Protection) => T.square(one.vm.name, TEXTS.protection[one.state], one.reason)

export function Squares({ protections }: { readonly protections: readonly Protection[] }) {
  const box = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState(0)
  const [told, setTold] = useState<string>()
  const groups = useMemo(() => {
    const byJob = Map.groupBy(protections, ({ jobName }) => jobName ?? T.unprotectedGroup)
    return [...byJob].toSorted(([a], [b]) => Number(a === T.unprotectedGroup) - Number(b === T.unprotectedGroup) || a.localeCompare(b))
  }, [protections])
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    event.preventDefault()
    const squares = box.current?.querySelectorAll<HTMLAnchorElement>('a') ?? []
    const next = Math.max(0, Math.min(squares.length - 1, at + step))
    setAt(next)
    squares[next]?.focus()
  }
  let nth = 0
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="understudies">
      <Stack gap="sm">
        <div>
          <Title order={2} size="h5" id="understudies">
            {T.understudies}
          </Title>
          <Text size="xs" c="dimmed">
            {T.legend}
          </Text>
        </div>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the links in it have the focus */}
        <div ref={box} onKeyDown={move}>
          {groups.map(([job, ones]) => (
            <div key={job}>
              <Text size="xs" mt={4} mb={2}>
                {job}
              </Text>
              <div className="squares">
                {ones.map((one) => {
                  const index = nth++
                  return (
                    <Link
                      key={`${one.sourcePool} ${one.vm.uuid} ${one.target?.pool} ${one.target?.sr}`}
                      to={one.target === null ? `/replicas?vm=${one.vm.uuid}` : replicaPath(one.target, one.vm.uuid)}
                      className="square"
                      data-state={one.state}
                      aria-label={tell(one)}
                      tabIndex={index === at ? 0 : -1}
                      onFocus={() => {
                        setAt(index)
                        setTold(tell(one))
                      }}
                      onMouseEnter={() => setTold(tell(one))}
                    >
                      {SHAPES[one.state]}
                    </Link>
                  )
                })}
              </div>
            </div>
          ))}
        </div>
        <Text size="sm" mih={20} aria-hidden>
          {told}
        </Text>
      </Stack>
    </Paper>
  )
}
