/** XML-RPC as XAPI speaks it: HTTP 200, a struct with Status and Value or ErrorDescription. */
import type { XapiFailure } from '../pool.ts'
import { asFailure } from '../tasks/tasks.ts'
import type { Answer, Dispatcher } from './dispatcher.ts'
import { Malformed } from './malformed.ts'
import { type Element, parseXml, XmlError } from './xml-reader.ts'
import { escapeXml, xmlValue } from './xml-value.ts'

/** The reply's body. Throws Malformed for what is no call. */
export async function answerXml(dispatcher: Pick<Dispatcher, 'dispatch'>, body: string): Promise<string> {
  const { method, params } = parse(body)
  try {
    return success(await dispatcher.dispatch(method, params))
  } catch (error) {
    return failure(asFailure(error))
  }
}

const reply = (value: string) =>
  `<?xml version="1.0"?><methodResponse><params><param><value>${value}</value></param></params></methodResponse>`

function success({ value, type, bare }: Answer): string {
  const inner = xmlValue(value, type)
  if (bare) return reply(inner)
  return reply(
    `<struct><member><name>Status</name><value>Success</value></member><member><name>Value</name><value>${inner}</value></member></struct>`,
  )
}

function failure({ code, params }: XapiFailure): string {
  const description = [code, ...params].map((text) => `<value>${escapeXml(text)}</value>`).join('')
  return reply(
    `<struct><member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name><value><array><data>${description}</data></array></value></member></struct>`,
  )
}

function parse(body: string): { method: string; params: unknown[] } {
  let root: Element
  try {
    root = parseXml(body)
  } catch (error) {
    if (error instanceof XmlError) throw new Malformed(error.message)
    throw error
  }
  if (root.name !== 'methodCall') throw new Malformed('a methodCall is due')
  const method = root.children.find(({ name }) => name === 'methodName')?.text.trim()
  if (!method) throw new Malformed('a methodName is due')
  const params = root.children.find(({ name }) => name === 'params')?.children ?? []
  return { method, params: params.filter(({ name }) => name === 'param').map(paramValue) }
}

function paramValue(param: Element): unknown {
  const value = param.children.find(({ name }) => name === 'value')
  if (!value) throw new Malformed('a param holds a value')
  return decode(value)
}

/** The value of a `<value>` element. Without a type inside, it is a string. */
export function decode(value: Element): unknown {
  const typed = value.children[0]
  if (!typed) return value.text
  switch (typed.name) {
    case 'string':
      return typed.text
    case 'int':
    case 'i4':
    case 'i8': {
      if (!/^\s*[-+]?\d+\s*$/.test(typed.text)) throw new Malformed(`no integer: ${typed.name}`)
      return Number(typed.text)
    }
    case 'double': {
      const number = Number(typed.text.trim() || Number.NaN)
      if (Number.isNaN(number)) throw new Malformed('no double')
      return number
    }
    case 'boolean':
      return typed.text.trim() === '1' || typed.text.trim() === 'true'
    case 'dateTime.iso8601':
      return typed.text.trim()
    case 'nil':
      return null
    case 'array': {
      const data = typed.children.find(({ name }) => name === 'data')
      return (data?.children ?? []).filter(({ name }) => name === 'value').map(decode)
    }
    case 'struct': {
      const out: Record<string, unknown> = {}
      for (const member of typed.children) {
        const name = member.children.find((child) => child.name === 'name')
        const inner = member.children.find((child) => child.name === 'value')
        if (member.name !== 'member' || !name || !inner) throw new Malformed('a struct holds members with name and value')
        Object.defineProperty(out, name.text, { value: decode(inner), enumerable: true, configurable: true, writable: true })
      }
      return out
    }
    default:
      throw new Malformed(`no such type: ${typed.name}`)
  }
}
