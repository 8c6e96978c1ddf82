/** One square a VM and target. Thousands of them are one stop of the Tab key; arrow keys move between them. */
import { Paper, Stack, Text, Title } from '@mantine/core'
import { type KeyboardEvent, useMemo, useRef, useState } from 'react'
import { Link } from 'react-router'
import type { Protection, ProtectionState } from '../../api/types.ts'
import { replicaPath } from '../../parts/paths.ts'
import { TEXTS } from '../../texts/en.ts'
import { byGravity } from './verdict.ts'

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

/** Of more than these each square is smaller; what is well needs no sign then. */
const MANY = 600

const tell = (one: Protection) => T.square(one.vm.name, TEXTS.protection[one.state], one.reason)

/** What the signs mean, of those that are there. */
function Legend({ of }: { readonly of: readonly Protection[] }) {
  const states = [...new Set(of.map(({ state }) => state))].toSorted(byGravity)
  return (
    <div className="legend">
      {states.map((state) => (
        <Text size="xs" key={state} component="span">
          <i className="square" data-state={state} aria-hidden>
            {SHAPES[state]}
          </i>
          {TEXTS.protection[state]}
        </Text>
      ))}
    </div>
  )
}

export function Squares({ protections }: { readonly protections: readonly Protection[] }) {
  const box = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState(0)
  const [told, setTold] = useState<string>()
  const groups = useMemo(() => {
    const sorted = protections.toSorted((a, b) => byGravity(a.state, b.state) || a.vm.name.localeCompare(b.vm.name))
    const byJob = Map.groupBy(sorted, ({ jobName }) => jobName ?? T.unprotectedGroup)
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
        <div ref={box} onKeyDown={move} className="chains" data-many={protections.length > MANY || undefined}>
          {groups.map(([job, ones]) => (
            <div key={job}>
              <Text size="xs" mb={2} className="wrap">
                {T.group(job, ones.length)}
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
        <div className="told">
          <Text size="sm" aria-hidden className="wrap">
            {told}
          </Text>
          <Legend of={protections} />
        </div>
      </Stack>
    </Paper>
  )
}
