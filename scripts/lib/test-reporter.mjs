import { compose } from 'node:stream'
import { spec } from 'node:test/reporters'

/** Node's own report, followed by what was skipped and why, and by the totals again where failures pushed them up. */
export default async function* report(source) {
  const skipped = []
  const totals = []
  let failed = false
  async function* watched() {
    for await (const event of source) {
      const { type, data } = event
      if (type === 'test:pass' && data.skip !== undefined) skipped.push(data)
      if (type === 'test:fail') failed = true
      if (type === 'test:diagnostic' && isTotal(data)) totals.push(data.message)
      yield event
    }
  }
  yield* compose(watched, new spec())
  if (skipped.length > 0) yield `\nSKIPPED:\n${skipped.map(skippedLine).join('')}`
  if (failed || skipped.length > 0) yield `\n${totals.map((total) => `ℹ ${total}\n`).join('')}`
}

const TOTAL = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

function isTotal({ message, nesting }) {
  return nesting === 0 && TOTAL.test(message)
}

function skippedLine({ name, skip }) {
  return `  ${name}${typeof skip === 'string' ? `: ${skip}` : ''}\n`
}
