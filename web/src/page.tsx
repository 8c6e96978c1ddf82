/** Who is there, and which page they see. */
import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { BrowserRouter, Navigate, Route, Routes } from 'react-router'
import { ApiProblem } from './api/client.ts'
import { meQuery } from './api/queries.ts'
import { Frame } from './frame/frame.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { ProblemNote } from './parts/problem-note.tsx'

const Overview = lazy(async () => ({ default: (await import('./pages/overview.tsx')).Overview }))

export function Page() {
  const me = useQuery(meQuery)
  if (me.isPending) return <Waiting />
  if (me.error instanceof ApiProblem && me.error.problem.status === 401) return <SignIn />
  if (me.data === undefined) return <ProblemNote error={me.error} />
  return (
    <BrowserRouter>
      <Frame me={me.data}>
        <Suspense fallback={<Waiting />}>
          <Routes>
            <Route path="/" element={<Overview />} />
            <Route path="*" element={<Navigate to="/" replace />} />
          </Routes>
        </Suspense>
      </Frame>
    </BrowserRouter>
  )
}

function Waiting() {
  return (
    <Center mih="50vh">
      <Loader type="dots" aria-label="Loading" />
    </Center>
  )
}
