import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './page.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { ApiProblem } from './api/client.ts'
import { Page } from './page.tsx'
import { theme } from './theme.ts'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // Events tell what changes; focus and mounting need not ask again.
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 3 && !(error instanceof ApiProblem && error.problem.status >= 400 && error.problem.status < 500),
    },
  },
})

createRoot(document.getElementById('root') as HTMLElement).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
    <QueryClientProvider client={client}>
      <Notifications position="bottom-right" />
      <Page />
    </QueryClientProvider>
  </MantineProvider>,
)
