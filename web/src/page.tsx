/** Who is there, and which page they see. */
import { Center } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { BrowserRouter, Navigate, Route, Routes } from 'react-router'
import { ApiProblem } from './api/client.ts'
import { meQuery } from './api/queries.ts'
import { Frame } from './frame/frame.tsx'
import { NotFound } from './pages/not-found.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { Boundary } from './parts/boundary.tsx'
import { ProblemNote } from './parts/problem-note.tsx'
import { MeContext } from './parts/rights.tsx'
import { Waiting } from './parts/waiting.tsx'

const Overview = lazy(async () => ({ default: (await import('./pages/overview/overview.tsx')).Overview }))
const Jobs = lazy(async () => ({ default: (await import('./pages/jobs/jobs.tsx')).Jobs }))
const JobPage = lazy(async () => ({ default: (await import('./pages/jobs/job-page.tsx')).JobPage }))
const EditJob = lazy(async () => ({ default: (await import('./pages/jobs/edit-job.tsx')).EditJob }))
const Replicas = lazy(async () => ({ default: (await import('./pages/replicas/replicas.tsx')).Replicas }))
const ReplicaPage = lazy(async () => ({ default: (await import('./pages/replicas/replica-page.tsx')).ReplicaPage }))
const Activity = lazy(async () => ({ default: (await import('./pages/runs/activity.tsx')).Activity }))
const RunPage = lazy(async () => ({ default: (await import('./pages/runs/run-page.tsx')).RunPage }))
const Plans = lazy(async () => ({ default: (await import('./pages/plans/plans.tsx')).Plans }))
const PlanPage = lazy(async () => ({ default: (await import('./pages/plans/plan-page.tsx')).PlanPage }))
const EditPlan = lazy(async () => ({ default: (await import('./pages/plans/edit-plan.tsx')).EditPlan }))
const ActivityPage = lazy(async () => ({ default: (await import('./pages/activities/activity-page.tsx')).ActivityPage }))
const Settings = lazy(async () => ({ default: (await import('./pages/settings/settings.tsx')).Settings }))

export function Page() {
  const me = useQuery(meQuery)
  if (me.isPending) return <Waiting />
  if (me.error instanceof ApiProblem && me.error.problem.status === 401) return <SignIn />
  if (me.data === undefined) {
    return (
      <Center mih="90vh" p="md">
        <ProblemNote error={me.error} />
      </Center>
    )
  }
  return (
    <MeContext value={me.data}>
      <BrowserRouter>
        <Frame>
          <Boundary>
            <Suspense fallback={<Waiting />}>
              <Routes>
                <Route path="/" element={<Overview />} />
                <Route path="/setup" element={<Navigate to="/" replace />} />
                <Route path="/jobs" element={<Jobs />} />
                <Route path="/jobs/new" element={<EditJob />} />
                <Route path="/jobs/:id" element={<JobPage />} />
                <Route path="/jobs/:id/edit" element={<EditJob />} />
                <Route path="/replicas" element={<Replicas />} />
                <Route path="/replicas/:pool/:sr/:vm" element={<ReplicaPage />} />
                <Route path="/activity" element={<Activity />} />
                <Route path="/runs/:id" element={<RunPage />} />
                <Route path="/plans" element={<Plans />} />
                <Route path="/plans/new" element={<EditPlan />} />
                <Route path="/plans/:id" element={<PlanPage />} />
                <Route path="/plans/:id/edit" element={<EditPlan />} />
                <Route path="/activities/:id" element={<ActivityPage />} />
                <Route path="/settings/*" element={<Settings />} />
                <Route path="*" element={<NotFound />} />
              </Routes>
            </Suspense>
          </Boundary>
        </Frame>
      </BrowserRouter>
    </MeContext>
  )
}
