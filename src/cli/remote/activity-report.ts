import { writeFileSync } from 'node:fs'
import type { Context } from './context.ts'
import type { Given } from './given.ts'

/** The report of an activity in Markdown, into the file of --output or to standard output; as JSON the activity itself. */
export async function showReport(context: Context, given: Given, id: string): Promise<number> {
  const api = await context.api()
  const text = await api.activities.report(id)
  const file = given.text('output')
  if (file !== undefined) writeFileSync(file, text)
  if (context.json) context.show(await api.activities.get(id), () => '')
  else if (file === undefined) process.stdout.write(text)
  return 0
}
