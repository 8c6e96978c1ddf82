import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readExposition } from '../../../test/support/exposition.ts'
import { expose } from './exposition.ts'

test('whatever VMs and jobs are called, each figure is one line that reads back as it was', () => {
  const names = ['plain', 'a "quoted" name', 'back\\slash', 'two\nlines', 'ünï, {comma="x"}', '']
  const text = expose([
    {
      name: 'rpo_seconds',
      help: 'with \\ and\nlines',
      type: 'gauge',
      samples: names.map((vm_name) => ({ labels: { vm_name }, value: 1.5 })),
    },
    { name: 'runs_total', help: 'no labels', type: 'counter', samples: [{ value: 1e21 }] },
    { name: 'empty', help: 'not told', type: 'gauge', samples: [] },
  ])
  const read = readExposition(text)
  const unescaped = (raw: string) => raw.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one))
  assert.deepEqual(
    read.filter(({ name }) => name === 'rpo_seconds').map(({ labels }) => unescaped(labels.vm_name ?? '')),
    names,
  )
  assert.deepEqual(read.at(-1), { name: 'runs_total', labels: {}, value: 1e21 })
  assert.ok(!text.includes('empty'))
})
