import type { Capability } from '../../server/src/kernel/capability.ts'
import {
  categoryOf,
  type ProblemFactory,
  type ProblemKind,
} from '../../server/src/kernel/problem.ts'
import { page } from './markdown.ts'

/** The error catalogue: every code once, grouped by its first part. */
export function renderErrors(
  capabilities: readonly Capability[],
  anyRoute: Readonly<Record<string, ProblemFactory>>,
): string {
  const factories = [anyRoute, ...capabilities.map(({ problems }) => problems ?? {})]
  const kinds = new Map(
    factories.flatMap(Object.values<ProblemFactory>).map(({ kind }) => [kind.code, kind]),
  )
  const sorted = [...kinds.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
  const groups = Map.groupBy(sorted, ({ code }) => code.split('.', 1)[0]!)
  return page('Errors', 'the problems of the kernel and of every capability', [
    'Every refusal is `application/problem+json` (RFC 9457). Its `code` stays the same for ever, so that is what to switch on;\n' +
      '`correlationId` finds the request in the log; `suggestion` says what to change. `{name}` stands for a fact of the request.',
    ...[...groups].flatMap(([name, kinds]) => [`## ${name}`, ...kinds.map(entry)]),
  ])
}

function entry(kind: ProblemKind): string {
  const lines = [
    `<a id="${kind.code}"></a>`,
    `### \`${kind.code}\``,
    `${kind.status}, ${categoryOf(kind)}: **${kind.title}.**`,
  ]
  const more = [kind.detail, kind.suggestion].filter(Boolean).join(' ')
  return [...lines, ...(more ? [more] : [])].join('\n\n')
}
