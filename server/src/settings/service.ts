import type { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import type { PageQuery } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FieldError } from '#kernel/problem.ts'
import type { RuntimeSettings } from '#kernel/runtime-settings.ts'
import { changed } from './events.ts'

/** A setting, or a flag with the schema that flags have. */
export interface Entry {
  readonly name: string
  readonly what: string
  readonly value: z.ZodType
  readonly default: unknown
}

/** One of the two lists that an admin sees. */
export interface Area {
  readonly kind: 'setting' | 'flag'
  readonly entries: readonly Entry[]
  readonly runtime: RuntimeSettings
}

/** As it is stored now, which other processes notice within 5 s. */
export async function listEntries(ctx: Context, { entries, runtime }: Area) {
  const stored = await runtime.stored(ctx)
  return entries.map(({ name, what, value, default: standard }) => {
    const set = stored.get(name)
    // What an older version has stored may not fit any more, and then has no effect.
    const valid = set !== undefined && value.safeParse(set.value).success
    return {
      ...{ name, what, default: standard, value: valid ? set.value : standard },
      ...(valid && { updatedAt: set.updatedAt.toISOString() }),
    }
  })
}

/**
 * Sets all of the values or none, in force here when it returns, and announces `setting.changed` for each that was another one before.
 *
 * @throws problem `request.invalid` that names each unknown or unfit member
 */
export async function changeEntries(ctx: Context, area: Area, values: Record<string, unknown>) {
  const { kind, entries, runtime } = area
  const errors = Object.entries(values).flatMap(([name, value]) => faults(entries, name, value))
  if (errors.length > 0) throw httpProblems.invalid({ errors: errors.slice(0, 50) })
  const entriesNow = await ctx.transaction(async (ctx) => {
    for (const [name, value] of Object.entries(values)) {
      const change = await runtime.change(ctx, name, value)
      if (!change) continue
      await ctx.events.emit(changed, { name, kind, before: change.before, after: change.after })
    }
    return listEntries(ctx, area)
  })
  await runtime.settled()
  return entriesNow
}

function faults(entries: readonly Entry[], name: string, value: unknown): FieldError[] {
  const entry = entries.find((one) => one.name === name)
  if (!entry) return [{ path: `body.${name}`, message: 'is not known; GET lists the names' }]
  const issues = entry.value.safeParse(value).error?.issues ?? []
  return issues.map(({ path, message }) => ({
    path: ['body', name, ...path].join('.'),
    message,
  }))
}

export async function listChanges(ctx: Context, { entries, runtime }: Area, page: PageQuery) {
  const names = entries.map(({ name }) => name)
  const { rows, nextCursor } = await runtime.history(ctx, names, page)
  const items = rows.map(({ id, name, before, after, changedBy, at }) => {
    return { id, name, before, after, changedBy, at: at.toISOString() }
  })
  return { items, nextCursor }
}
