/** Jobs as a file: to keep, to look through, to take to another server. */
import { Button, Checkbox, FileInput, Group, List, Stack, Text } from '@mantine/core'
import { DownloadIcon, UploadIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { get, post } from '../../api/client.ts'
import { jobsQuery } from '../../api/queries.ts'
import type { Job, JobsDocument } from '../../api/types.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { download } from '../../parts/download.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { tellDone, tellProblem } from '../../parts/tell.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.jobs.document

/** @param jobs left out: all */
export async function exportJobs(jobs?: readonly Job[]): Promise<void> {
  try {
    const document = await get('/jobs/export', { query: jobs === undefined ? {} : { id: jobs.map(({ id }) => id) } })
    const name = jobs?.length === 1 ? (jobs[0] as Job).name.replaceAll(/[^\w.-]+/g, '-') : 'jobs'
    download(`understudy-${name}-${new Date().toISOString().slice(0, 10)}.json`, JSON.stringify(document, null, 2), 'application/json')
  } catch (error) {
    tellProblem(error)
  }
}

export function JobsDocumentButtons({ hasJobs }: { readonly hasJobs: boolean }) {
  const mayChange = useMay('administrator')
  const [importing, setImporting] = useState(false)
  return (
    <>
      {hasJobs && (
        <Button variant="default" leftSection={<DownloadIcon aria-hidden />} onClick={() => void exportJobs()}>
          {T.export}
        </Button>
      )}
      {mayChange && (
        <Button variant="default" leftSection={<UploadIcon aria-hidden />} onClick={() => setImporting(true)}>
          {T.import}
        </Button>
      )}
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
    </>
  )
}

function ImportDialog({ onClose }: { onClose(): void }) {
  const known = useQuery(jobsQuery).data ?? []
  const [file, setFile] = useState<File | null>(null)
  const [replaces, setReplaces] = useState(false)
  const read = useQuery({
    queryKey: ['import', file?.name, file?.size, file?.lastModified],
    enabled: file !== null,
    queryFn: async () => readDocument(await (file as File).text()),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const send = useMutation({
    mutationFn: (document: JobsDocument) =>
      post('/jobs/import', { body: document, query: { replace: replaces }, header: { 'idempotency-key': crypto.randomUUID() } }),
    onSuccess: ({ items }) => {
      tellDone(T.done(items.length))
      onClose()
    },
  })
  const document = read.data
  const isKnown = ({ id }: { readonly id: string }) => known.some((job) => job.id === id)
  const taken = document?.jobs.filter(isKnown).length ?? 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (document !== undefined) send.mutate(document)
  }
  return (
    <Dialog title={T.title} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{T.text}</Text>
          <FileInput label={T.file} accept="application/json,.json" required clearable={false} value={file} onChange={setFile} />
          <ProblemNote error={read.error} />
          {document !== undefined && (
            <>
              <Text size="sm">{T.holds(document.jobs.length)}</Text>
              <List size="sm">
                {document.jobs.slice(0, 20).map((job) => (
                  <List.Item key={job.id}>
                    {job.name}
                    {isKnown(job) && ` (${T.known})`}
                  </List.Item>
                ))}
              </List>
            </>
          )}
          {taken > 0 && (
            <Checkbox label={T.replace(taken)} checked={replaces} onChange={(event) => setReplaces(event.currentTarget.checked)} />
          )}
          <ProblemNote error={send.error} />
          <Group justify="flex-end">
            <Button type="submit" disabled={document === undefined || (taken > 0 && !replaces)} loading={send.isPending}>
              {T.import}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

/** Only whether it is one at all; the server looks at the rest. */
function readDocument(text: string): JobsDocument {
  let value: Partial<JobsDocument> | null
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(T.notJson)
  }
  if (value?.format !== 'understudy-jobs' || !Array.isArray(value.jobs)) throw new Error(T.notJobs)
  return value as JobsDocument
}
