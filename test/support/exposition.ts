/** Reads Prometheus' text format (version 0.0.4) strictly, and holds it to what promtool looks at: what it says is no figure fails. */
import assert from 'node:assert/strict'

export interface SampleRead {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (NaN|[+-]Inf|[+-]?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`)
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'], counter: [''], gauge: [''] }

export function readExposition(text: string): SampleRead[] {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const samples: SampleRead[] = []
  const seen = new Set<string>()
  const families = new Set<string>()
  let help = ''
  let family: { readonly name: string; readonly type: string } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const helped = new RegExp(`^# HELP (${NAME}) (\\S.*)$`).exec(line)
    const typed = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line)
    if (helped) help = helped[1] as string
    else if (typed) {
      const [, name, type] = typed as unknown as [string, string, string]
      assert.equal(name, help, `${name}: its help goes before its type`)
      assert.ok(!families.has(name), `${name}: its samples stand together`)
      if (type === 'counter') assert.match(name, /_total$/)
      families.add(name)
      family = { name, type }
    } else {
      const read = SAMPLE.exec(line)
      assert.ok(read, `no sample: ${line}`)
      assert.ok(family, line)
      const [, name = '', labelText = '', value = ''] = read
      assert.ok(
        SUFFIXES[family.type]?.some((suffix) => name === family?.name + suffix),
        `${name} belongs to ${family.name}`,
      )
      const pairs = [...labelText.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', raw = '']) => [label, raw] as const)
      const labels = Object.fromEntries(pairs)
      assert.equal(Object.keys(labels).length, pairs.length, `each label once: ${line}`)
      const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`
      assert.ok(!seen.has(key), `each once: ${line}`)
      seen.add(key)
      samples.push({ name, labels, value: Number(value.replace('Inf', 'Infinity')) })
    }
  }
  for (const name of families) checkHistogram(name, samples)
  return samples
}

/** Buckets grow, and the last one, without bound, has all. */
function checkHistogram(name: string, samples: readonly SampleRead[]): void {
  const rest = ({ labels: { le: _, ...others } }: SampleRead) => JSON.stringify(Object.entries(others).sort())
  for (const [labels, buckets] of Map.groupBy(
    samples.filter((sample) => sample.name === `${name}_bucket`),
    rest,
  )) {
    const bounds = buckets.map((bucket) => Number(bucket.labels.le?.replace('Inf', 'Infinity')))
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
      `${name}: bounds in order`,
    )
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name}: a bucket without bound`)
    const counts = buckets.map(({ value }) => value)
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `${name}: buckets hold those below`,
    )
    const total = samples.find((sample) => sample.name === `${name}_count` && rest(sample) === labels)
    assert.equal(total?.value, counts.at(-1), `${name}: its count is that of the last bucket`)
    assert.ok(
      samples.some((sample) => sample.name === `${name}_sum` && rest(sample) === labels),
      `${name}: a sum`,
    )
  }
}
