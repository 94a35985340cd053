import { type Source, type Violation, visit } from './source.ts'

const STARTS = /^(selectFrom|insertInto|updateTable|deleteFrom|mergeInto)$/
const RUNS = /^(execute|executeTakeFirst|executeTakeFirstOrThrow|stream|explain)$/

/** A query that is built and never run does nothing, and no type checker sees it. */
export function checkQueries(sources: readonly Source[]): Violation[] {
  return sources
    .filter(({ path }) => path.startsWith('server/'))
    .flatMap((source) => {
      const found: Violation[] = []
      visit(source, {
        ExpressionStatement: ({ expression, start }) => {
          const called = methodsCalled(expression)
          if (!called.some((name) => STARTS.test(name)) || called.some((name) => RUNS.test(name))) {
            return
          }
          const message = 'builds a query and never runs it: end it with `.execute()`'
          found.push({ path: source.path, line: source.lineOf(start), message })
        },
      })
      return found
    })
}

/** The methods of a chain of calls, the last one first. */
function methodsCalled(expression: unknown): string[] {
  const node = expression as { type: string; [member: string]: unknown }
  if (node.type === 'AwaitExpression') return methodsCalled(node.argument)
  if (node.type !== 'CallExpression') return []
  const callee = node.callee as { type: string; object: unknown; property: { name?: string } }
  if (callee.type !== 'MemberExpression') return []
  return [callee.property.name ?? '', ...methodsCalled(callee.object)]
}
