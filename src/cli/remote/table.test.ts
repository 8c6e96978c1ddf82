import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Column, facts, table } from './table.ts'

interface Row {
  readonly name: string
  readonly size: string
  readonly note: string
}
const columns: readonly Column<Row>[] = [
  { title: 'NAME', value: ({ name }) => name, shrinks: true },
  { title: 'SIZE', value: ({ size }) => size, right: true },
  { title: 'NOTE', value: ({ note }) => note, wide: true },
]
const rows: readonly Row[] = [
  { name: 'web', size: '1.0 GiB', note: 'first' },
  { name: 'a-database-with-a-long-name', size: '12 B', note: 'second' },
]

test('columns are aligned, numbers at the right, and lines have no spaces at their end', () => {
  assert.equal(
    table(rows, columns, { wide: false, width: undefined }),
    ['NAME                            SIZE', 'web                          1.0 GiB', 'a-database-with-a-long-name     12 B', ''].join('\n'),
  )
})

test('a table is cut to the width of the terminal by the columns that may shrink, and whole with --wide', () => {
  const narrow = table(rows, columns, { wide: false, width: 25 })
  assert.deepEqual(narrow.split('\n'), ['NAME                 SIZE', 'web               1.0 GiB', 'a-database-with…     12 B', ''])
  assert.match(table(rows, columns, { wide: true, width: 25 }), /^a-database-with-a-long-name +12 B +second$/m)
})

test('a name of somebody else moves no cursor and begins no line', () => {
  const [row] = table([{ name: 'x\x1b[2J\ny\x9bm', size: '', note: '' }], columns, { wide: false, width: undefined })
    .split('\n')
    .slice(1)
  assert.equal(row, 'x [2J y m')
  assert.equal(facts([['Name', 'a\r\nb']]), 'Name  a  b\n')
})
