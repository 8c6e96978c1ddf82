/** Turns the events of a run of node:test into output that is short when all is well and complete when it is not. */
import { relative } from 'node:path'
import type { EventData } from 'node:test'
import { inspect } from 'node:util'

/** Fields of events that Node 24 sends and its types don't name yet. */
type Located = {
  readonly testId?: number
  readonly parentId?: number
  readonly entryFile?: string
  readonly file?: string
  readonly name: string
}

export interface Totals {
  readonly passed: number
  readonly failed: number
  /** Skipped tests with their reasons, as `reason: file > test`. */
  readonly notRun: readonly string[]
}

export class TestReport {
  readonly #root: string
  readonly #names = new Map<string, { name: string; parent: string }>()
  readonly #output = new Map<string, string>()
  readonly #slow: { file: string; ms: number }[] = []
  readonly #notRun: string[] = []
  #passed = 0
  #failed = 0
  #filesDone = 0
  #lastFailure = ''

  constructor(root: string) {
    this.#root = root
  }

  /** How many files are done; a sign of life every ten of them. */
  completed(data: EventData.TestComplete, files: number): void {
    // The file itself is a test too, outside all others; what is inside carries `entryFile`.
    if ((data as Located).entryFile !== undefined) return
    this.#filesDone++
    this.#slow.push({ file: this.#short(data.name), ms: data.details.duration_ms })
    if (this.#filesDone % 10 === 0 && this.#filesDone < files) console.log(`  ${this.#filesDone} of ${files} test files`)
  }

  started(data: EventData.TestStart | EventData.TestEnqueue): void {
    const { testId, parentId, entryFile } = data as unknown as Located
    if (entryFile === undefined) return
    this.#names.set(`${entryFile}#${testId}`, { name: data.name, parent: `${entryFile}#${parentId}` })
  }

  output(file: string | undefined, text: string): void {
    if (file === undefined) return
    this.#output.set(file, (this.#output.get(file) ?? '') + text)
  }

  passed(data: EventData.TestPass): void {
    if (data.details.type === 'suite' && data.skip === undefined) return
    if (data.skip === undefined && data.todo === undefined) this.#passed++
    else this.#notRun.push(`${reasonOf(data)}: ${this.#path(data)}`)
  }

  failed(data: EventData.TestFail): void {
    const failure = data.details.error as Error & { readonly failureType?: string }
    // Only says that something inside has failed, which was told.
    if (failure.failureType === 'subtestsFailed') return
    this.#failed++
    const where = data.file === undefined ? '' : ` (${this.#short(data.file)}:${data.line ?? 1})`
    const file = (data as Located).entryFile ?? data.file ?? ''
    const explanation = explain(failure.cause ?? failure)
    // A failed `before` fails every test of its file with the same error.
    const isRepeated = this.#lastFailure === `${file}\n${explanation}`
    this.#lastFailure = `${file}\n${explanation}`
    console.log(`\n✗ ${this.#path(data)}${where}\n${indent(isRepeated ? 'the same error as above' : explanation)}`)
    const output = this.#output.get(file)
    if (output) console.log(indent(`output of the file so far:\n${output.trimEnd()}`))
    this.#output.delete(file)
  }

  totals(): Totals {
    return { passed: this.#passed, failed: this.#failed, notRun: this.#notRun }
  }

  slowest(count: number): string {
    const slowest = this.#slow.toSorted((a, b) => b.ms - a.ms).slice(0, count)
    return slowest.map(({ file, ms }) => `${file} ${(ms / 1000).toFixed(1)} s`).join(', ')
  }

  #path(data: EventData.TestPass | EventData.TestFail): string {
    const { testId, entryFile } = data as unknown as Located
    const names = [data.name]
    if (entryFile === undefined) return this.#short(data.name)
    let key = this.#names.get(`${entryFile}#${testId}`)?.parent
    for (let found = key && this.#names.get(key); found; found = key && this.#names.get(key)) {
      names.unshift(found.name)
      key = found.parent
    }
    // A failed `after` hook outside all tests goes by the name of the file that registered it.
    return [this.#short(entryFile), ...names.map((name) => (name.endsWith('leak-check.ts') ? 'leaves nothing behind' : name))].join(' > ')
  }

  #short(file: string): string {
    return file.startsWith(this.#root) ? relative(this.#root, file) : file
  }
}

function reasonOf(data: EventData.TestPass): string {
  const reason = data.skip ?? data.todo
  return typeof reason === 'string' && reason !== '' ? reason : 'skipped without a reason'
}

/** The stack, and everything that caused it; values that aren't errors as they are. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error, { depth: 4 })
  const inner = error instanceof AggregateError ? error.errors.map((each) => `\n${indent(explain(each))}`) : []
  const code = 'code' in error && !error.stack?.includes(String(error.code)) ? ` [${String(error.code)}]` : ''
  const cause = error.cause === undefined ? '' : `\ncaused by ${explain(error.cause)}`
  // A deserialised error may have lost its message in the stack.
  const stack = error.stack?.includes(error.message) ? error.stack : `${error.message}\n${error.stack ?? ''}`
  return `${withoutRunner(stack ?? '')}${code}${inner.join('')}${cause}`
}

/** Without the lines of the stack that every test has below its own. */
function withoutRunner(stack: string): string {
  return stack.replaceAll(/\n +at [^\n]*(node:internal\/test_runner\/|\(node:async_hooks:)[^\n]*/g, '')
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
