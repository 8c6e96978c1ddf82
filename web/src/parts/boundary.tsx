import { Button, Stack } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { useLocation } from 'react-router'
import { TEXTS } from '../texts/en.ts'
import { ProblemNote } from './problem-note.tsx'

interface Props {
  readonly children: ReactNode
  /** Another one: another try. */
  readonly place: string
}

/** A fault of the page itself is told in its place; everything around it goes on. */
export function Boundary({ children }: { readonly children: ReactNode }) {
  return <Catching place={useLocation().pathname}>{children}</Catching>
}

class Catching extends Component<Props, { readonly error: unknown; readonly place: string }> {
  override state = { error: undefined as unknown, place: this.props.place }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  static getDerivedStateFromProps(props: Props, state: { readonly place: string }) {
    return props.place === state.place ? null : { error: undefined, place: props.place }
  }

  override render() {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <Stack align="flex-start">
        <ProblemNote error={error} />
        <Button onClick={() => window.location.reload()}>{TEXTS.retry}</Button>
      </Stack>
    )
  }
}
