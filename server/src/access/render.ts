import type { Capability } from '#kernel/capability.ts'
import { isLent, standingsOf } from './matrix.ts'
import { type Role, roles } from './roles.ts'

/** The matrix as Markdown: the content of `docs/reference/permissions.md`. */
export function renderMatrix(capabilities: readonly Capability[]): string {
  const names = Object.entries(roles)
  return [
    '# Roles and permissions',
    '',
    'Generated from the permission matrix and the manifests; `npm run generate` writes it again.',
    '',
    ...table(
      ['Role', 'Held', 'What it is for'],
      names.map(([name, { scope, summary }]) => [`\`${name}\``, HELD[scope], summary]),
    ),
    '',
    ...table(
      ['Permission', 'Allows to', ...names.map(([name]) => name), 'lent'],
      capabilities.flatMap(rows),
    ),
    '',
    '`own`: in the account that the role is held in. `below`: in the accounts below it. `all`: in every account, and over the',
    'installation. `lent`: also for staff who [act as](../accounts.md#act-as-a-user) somebody who holds it; the rest stays with the',
    'person, and so does what the person’s tunnels lead to: staff neither visit them, nor drive a session that has them, nor read what was',
    'inspected of their requests.',
    '',
  ].join('\n')
}

const HELD = {
  platform: 'over the installation',
  reseller: 'in the accounts below one',
  account: 'in one account',
}
const WHERE = { own: 'own', subtree: 'below', all: 'all' }

function rows({ permissions = {} }: Capability): string[][] {
  return Object.entries(permissions).map(([permission, what]) => {
    const marks = Object.keys(roles).map((role) =>
      standingsOf(role as Role, permission)
        .map((standing) => WHERE[standing])
        .join(', '),
    )
    return [`\`${permission}\``, what, ...marks, isLent(permission) ? 'yes' : '']
  })
}

function table(head: string[], body: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)]
}
