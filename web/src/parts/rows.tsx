/** A table; of many rows only those in sight are in the document. */
import { Table } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useRef } from 'react'
import { ColumnChooser, useColumns } from './column-chooser.tsx'

export interface Column<T> {
  readonly key: string
  readonly head: ReactNode
  cell(row: T): ReactNode
  /** `name`: on one line, cut off when it is very long (then with a `title`). */
  readonly kind?: 'text' | 'tight' | 'wide' | 'number' | 'name'
  /** Shown only when it is chosen. */
  readonly spare?: boolean
}

export interface RowsProps<T> {
  /** What the table shows, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  keyOf(row: T): string
  /** In a box of limited height, also when it has few rows. */
  readonly tall?: boolean
  /** Columns can be hidden; what is hidden is remembered by this name. */
  readonly choose?: string
}

const ROW = 36
const MANY = 80

export function Rows<T>({ label, columns: all, rows, keyOf, tall = false, choose }: RowsProps<T>) {
  const chosen = useColumns(choose, all)
  const columns = chosen.shown
  const scroll = useRef<HTMLDivElement>(null)
  const isLong = rows.length > MANY
  const virtual = useVirtualizer({
    count: isLong ? rows.length : 0,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
    initialRect: { width: 800, height: 600 },
  })
  const items = virtual.getVirtualItems()
  const shown = isLong ? items.map(({ index }) => ({ index, row: rows[index] as T })) : rows.map((row, index) => ({ index, row }))
  const before = isLong ? (items[0]?.start ?? 0) : 0
  const after = isLong ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0
  const table = (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className={isLong || tall ? 'scroll rows tall' : 'scroll rows'} ref={scroll} aria-label={label} tabIndex={0}>
      {/* On narrow screens rows are drawn as cards (page.css): the roles keep it a table all the same. */}
      <Table highlightOnHover role="table" aria-rowcount={rows.length + 1}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row" aria-rowindex={1}>
            {columns.map(({ key, head, kind = 'text' }) => (
              <Table.Th key={key} className={kind} role="columnheader" scope="col">
                {head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {before > 0 && <Filler height={before} columns={columns.length} />}
          {shown.map(({ row, index }) => (
            <Table.Tr
              key={keyOf(row)}
              role="row"
              aria-rowindex={index + 2}
              data-index={index}
              {...(isLong ? { ref: (element: HTMLTableRowElement | null) => virtual.measureElement(element) } : {})}
            >
              {columns.map(({ key, head, cell, kind = 'text' }) => (
                <Table.Td key={key} className={kind} role="cell" data-head={typeof head === 'string' ? head : ''}>
                  <div className="cell">{cell(row)}</div>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
          {after > 0 && <Filler height={after} columns={columns.length} />}
        </Table.Tbody>
      </Table>
    </section>
  )
  if (choose === undefined) return table
  return (
    <div>
      <div className="choose">
        <ColumnChooser of={chosen} label={label} />
      </div>
      {table}
    </div>
  )
}

function Filler({ height, columns }: { readonly height: number; readonly columns: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  )
}
