import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../failure.ts'
import type { Refusal } from '../refusals.ts'
import type { ErrorArea } from './entry.ts'
import { asCode, ERROR_AREAS, type ErrorCode, errorEntry, isErrorCode, isXapiErrorCode } from './registry.ts'

const areas: readonly ErrorArea[] = Object.values<ErrorArea>(ERROR_AREAS)
const codes = areas.flatMap((area) => Object.keys(area))

test('a code stands in one area only: no error hides another', () => {
  assert.equal(new Set(codes).size, codes.length)
})

for (const code of codes) {
  test(`${code} says in one line what it means and what to do`, () => {
    assert.ok(isErrorCode(code))
    assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
    const { title, cause, hint, status } = errorEntry(code)
    for (const text of [title, hint, ...(cause === undefined ? [] : [cause])]) {
      assert.ok(text.length > 5, text)
      assert.match(text, /^\S.*[^\s.]$/, 'one line, no full stop: it becomes part of a sentence')
    }
    assert.ok(status >= 400 && status < 600, `${status}`)
  })
}

test('a text from elsewhere is a code only when the registry has it', () => {
  for (const text of ['', 'SOMETHING_NEW', 'constructor', 'toString', 'vm-not-found']) assert.equal(isErrorCode(text), false, text)
  assert.ok(isXapiErrorCode('VDI_IN_USE'))
  for (const text of ['VM_NOT_FOUND', 'SR_BACKEND_FAILURE_46', 'constructor']) assert.equal(isXapiErrorCode(text), false, text)
})

test('a failure without a hint of its own has that of the registry', () => {
  assert.equal(new Failure('VM_NOT_FOUND', 'text').hint, errorEntry('VM_NOT_FOUND').hint)
  assert.equal(new Failure('VM_NOT_FOUND', 'text', 'name another').hint, 'name another')
  assert.equal(new Failure('VM_NOT_FOUND', 'text', '').hint, '')
})

test('codes that nobody registered do not compile, whoever names them', () => {
  // The type check of the whole project fails when one of these lines is accepted.
  // @ts-expect-error a slip of the pen
  const slip: ErrorCode = 'VM_NOT_FUOND'
  // @ts-expect-error the same made of a name
  const made: ErrorCode = asCode('no-such-space')
  const refused: Refusal['code'] = 'no-space'
  const right: ErrorCode = asCode(refused)
  assert.deepEqual([slip, made, right], ['VM_NOT_FUOND', 'NO_SUCH_SPACE', 'NO_SPACE'])
})
