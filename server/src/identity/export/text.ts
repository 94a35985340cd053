import type { Context } from '#kernel/context.ts'
import type { KeptRecords, PersonOnRecord } from '#kernel/personal-records.ts'
import type { Progress } from '#operations/index.ts'

/** The copy as JSON text, in small portions: one member for each list of each capability, and in it one value a line. */
export async function* exportText(
  ctx: Context,
  records: readonly KeptRecords[],
  person: PersonOnRecord,
  progress: Progress,
): AsyncIterable<string> {
  const lists = records.flatMap(({ personal }) => Object.entries(personal.lists ?? {}))
  yield `{"format":1,"exportedAt":${JSON.stringify(ctx.clock.now())}`
  for (const [done, [name, rows]] of lists.entries()) {
    await progress(done, lists.length, name)
    yield `,\n${JSON.stringify(name)}:[`
    let parting = '\n'
    for await (const row of rows(ctx, person)) {
      ctx.signal.throwIfAborted()
      yield parting + JSON.stringify(row)
      parting = ',\n'
    }
    yield ']'
  }
  yield '}\n'
}
