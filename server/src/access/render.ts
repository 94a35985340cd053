import type { Capability } from '#kernel/capability.ts'
import { matrix, roles } from './matrix.ts'

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
      names.map(([name, { scope, summary }]) => [`\`${name}\``, heldWhere(scope), summary]),
    ),
    '',
    ...table(
      ['Permission', 'Allows to', ...names.map(([name]) => name)],
      capabilities.flatMap(rows),
    ),
    '',
  ].join('\n')
}

function heldWhere(scope: 'platform' | 'account'): string {
  return scope === 'platform' ? 'over the installation' : 'in one account'
}

function rows({ permissions = {} }: Capability): string[][] {
  return Object.entries(permissions).map(([permission, what]) => {
    const holders: readonly string[] = matrix[permission] ?? []
    const marks = Object.keys(roles).map((role) => (holders.includes(role) ? 'yes' : ''))
    return [`\`${permission}\``, what, ...marks]
  })
}

function table(head: string[], body: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)]
}
