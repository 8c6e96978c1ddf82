/** Usage texts of nouns and actions, from their declarations. */
import { type Action, COMMON, type Noun, type OptionSpec, type PositionalSpec } from './action.ts'

const WIDTH = 120
const COLUMN = 30

export function nounUsage(noun: Noun): string {
  const width = Math.max(...Object.keys(noun.actions).map((name) => name.length)) + 2
  const actions = Object.entries(noun.actions).map(([name, { summary }]) => hanging(`  ${name.padEnd(width)}`, summary))
  return [
    `Usage: understudy ${noun.name} ACTION [ARGUMENT...] [OPTION...]`,
    '',
    `${capital(noun.summary)}.`,
    '',
    ...actions,
    ...(noun.notes === undefined ? [] : ['', noun.notes.trim()]),
    '',
    `'understudy ${noun.name} ACTION --help' tells more about one of them.`,
  ].join('\n')
}

/** `common`: with the options that every command to a server has. */
export function actionUsage(noun: string, name: string, action: Action, common = true): string {
  const arguments_ = (action.positionals ?? []).map((each) => ` ${positional(each)}`).join('')
  const own = optionLines(action.options ?? {})
  return [
    `Usage: understudy ${noun}${name === '' ? '' : ` ${name}`}${arguments_} [OPTION...]`,
    '',
    `${capital(action.summary)}.`,
    ...(own.length === 0 ? [] : ['', ...own]),
    ...(action.notes === undefined ? [] : ['', action.notes.trim()]),
    ...(action.local === true || !common ? [] : ['', 'Of every command to a server:', '', ...optionLines(COMMON)]),
  ].join('\n')
}

function positional({ name, optional, repeated }: PositionalSpec): string {
  const text = repeated ? `${name}...` : name
  return optional ? `[${text}]` : text
}

export function optionLines(options: Readonly<Record<string, OptionSpec>>): string[] {
  return Object.entries(options).map(optionLine)
}

function optionLine([name, { value, help, multiple }]: [string, OptionSpec]): string {
  const head = `  --${name}${value === undefined ? '' : ` ${value}`}`
  return hanging(head.length < COLUMN - 1 ? head.padEnd(COLUMN) : `${head}\n${' '.repeat(COLUMN)}`, multiple ? `${help}; repeatable` : help)
}

/** Broken at words; further lines stand under the first. */
function hanging(head: string, text: string): string {
  const column = head.length - (head.lastIndexOf('\n') + 1)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && column + line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return head + [...lines, line].join(`\n${' '.repeat(column)}`)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
