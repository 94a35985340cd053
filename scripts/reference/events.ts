import type { Capability } from '../../server/src/kernel/capability.ts'
import type { EventKind } from '../../server/src/kernel/events.ts'
import { code, page, table } from './markdown.ts'
import { type JsonSchema, membersOf, schemaText } from './schema-text.ts'

/** The event catalogue: every fact that is announced, with its data, and who follows it. */
export function renderEvents(capabilities: readonly Capability[]): string {
  const readers = capabilities.flatMap((capability) => capability.reacts ?? [])
  return page('Events', 'the events of every capability', [
    'Each fact is one row, written in the transaction that makes it true. Beside its data it carries `eventId`, `kind`, `accountId`,\n' +
      '`actor`, `target`, `result`, the client’s address and agent, `correlationId` and `occurredAt`. Members that are _personal_ are kept apart, and\n' +
      'can be [erased](../audit.md#persons).',
    ...capabilities.flatMap(({ name, publishes = [] }) =>
      publishes.length > 0 ? [`## ${name}`, ...publishes.flatMap(entry)] : [],
    ),
    ...(readers.length > 0
      ? [
          '## Followers',
          table(
            ['Reader', 'Follows', 'Starts'],
            readers.map(({ name, kinds, from }) => [
              code(name),
              kinds?.map(code).join(', ') ?? 'everything',
              from === 'now' ? 'with what comes' : 'at the first event ever',
            ]),
          ).join('\n'),
        ]
      : []),
  ])
}

function entry({ name, summary, data, personal }: EventKind): string[] {
  const isPersonal = (member: string) => personal.includes(member.replace(/\?$/, ''))
  const schema = data.toJSONSchema({ io: 'output', unrepresentable: 'any' }) as JsonSchema
  const rows = membersOf(schema).map((member) => [
    code(member.name),
    code(schemaText(member.of)),
    [...(isPersonal(member.name) ? ['_personal_'] : []), member.of.description ?? []]
      .flat()
      .join('; '),
  ])
  const described = rows.some(([, , description]) => description)
  const members = described
    ? table(['Member', 'Type', 'What it tells'], rows)
    : table(
        ['Member', 'Type'],
        rows.map((row) => row.slice(0, 2)),
      )
  return [`### ${code(name)}`, summary, ...(rows.length > 0 ? [members.join('\n')] : [])]
}
