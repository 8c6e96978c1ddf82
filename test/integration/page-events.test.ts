/** Events that come while the page is asking: neither the event nor the answer may be what is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryClient } from '@tanstack/react-query'
import type { Protection } from '../../src/core/control/protection.ts'
import { applyEvent, askEverythingAgain } from '../../web/src/api/apply-event.ts'

const protection = (state: Protection['state']) =>
  ({ vm: { uuid: 'vm', name: 'web' }, sourcePool: 'paris', job: 'job', target: { pool: 'oslo', sr: 'sr' }, state }) as unknown as Protection

/** A client whose list was asked for; `answer` is what the server sends, when it does. */
function asking(queryKey: readonly string[], first: unknown) {
  const client = new QueryClient()
  const answers: ((value: unknown) => void)[] = []
  const queryFn = () => new Promise<unknown>((resolve) => answers.push(resolve))
  client.setQueryDefaults(queryKey, { queryFn })
  if (first !== undefined) client.setQueryData(queryKey, first)
  const done = client.fetchQuery({ queryKey })
  return { client, answers, done }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

for (const [what, known] of [
  ['nothing was known before', undefined],
  ['an older answer was known', [protection('at-risk')]],
] as const) {
  test(`an event that comes while its list is asked for outlives an answer that is older (${what})`, async () => {
    const { client, answers, done } = asking(['protections'], known)
    await settled()
    applyEvent(client, { kind: 'protection', protection: protection('failed-over') })
    applyEvent(client, { kind: 'protection', protection: protection('failed-over') })
    assert.equal(answers.length, 1)
    answers[0]?.([protection('at-risk')])
    await done
    await settled()
    assert.equal(answers.length, 2, 'asked once more, whatever the number of events')
    answers[1]?.([protection('failed-over')])
    await settled()
    assert.equal(client.getQueryData<Protection[]>(['protections'])?.[0]?.state, 'failed-over')
    client.clear()
  })
}

test('an event that comes while nothing is asked for is put in place, and nothing is asked', async () => {
  const { client, answers, done } = asking(['protections'], undefined)
  await settled()
  answers[0]?.([protection('at-risk')])
  await done
  applyEvent(client, { kind: 'protection', protection: protection('failed-over') })
  await settled()
  assert.equal(answers.length, 1)
  assert.equal(client.getQueryData<Protection[]>(['protections'])?.[0]?.state, 'failed-over')
  client.clear()
})

test('a list that has others than before is asked for anew, also while it is asked for', async () => {
  const { client, answers, done } = asking(['protections'], undefined)
  await settled()
  applyEvent(client, { kind: 'protections' })
  answers[0]?.([protection('pending')])
  await done
  await settled()
  assert.equal(answers.length, 2)
  answers[1]?.([])
  await settled()
  assert.deepEqual(client.getQueryData<Protection[]>(['protections']), [])
  client.clear()
})

test('what is asked for when the stream of events begins is asked for once more, since what was told before it began was missed', async () => {
  const { client, answers, done } = asking(['protections'], undefined)
  await settled()
  askEverythingAgain(client)
  answers[0]?.([protection('at-risk')])
  await done
  await settled()
  assert.equal(answers.length, 2)
  answers[1]?.([protection('failed-over')])
  await settled()
  assert.equal(client.getQueryData<Protection[]>(['protections'])?.[0]?.state, 'failed-over')
  client.clear()
})
