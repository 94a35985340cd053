import { z } from 'zod'
import { requireStepUp, stepUpRequired } from '#identity/index.ts'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import type { RuntimeSettings } from '#kernel/runtime-settings.ts'
import {
  FeatureFlag,
  FlagChange,
  FlagValues,
  RuntimeSetting,
  SettingChange,
  SettingValues,
} from './schema.ts'
import { type Area, changeEntries, listChanges, listEntries } from './service.ts'

/** What differs between the settings' routes and the flags'. */
interface AreaRoutes {
  path: string
  things: string
  entry: z.ZodType
  values: z.ZodType<Record<string, unknown>>
  change: z.ZodType
  example: { name: string; what: string; value: unknown; default: unknown }
  area(): Area
}

export function routes(running: () => RuntimeSettings) {
  return [...configRoutes(running), ...flagRoutes(running)]
}

function configRoutes(running: () => RuntimeSettings) {
  return areaRoutes({
    path: '/v1/admin/config',
    things: 'runtime settings',
    ...{ entry: RuntimeSetting, values: SettingValues, change: SettingChange },
    example: { name: 'browsers.queue_length', what: 'Waiting creates', value: 50, default: 100 },
    area: () => ({ kind: 'setting', entries: running().settings, runtime: running() }),
  })
}

function flagRoutes(running: () => RuntimeSettings) {
  const entries = () => running().flags.map((flag) => ({ ...flag, value: z.boolean() }))
  return areaRoutes({
    path: '/v1/admin/feature-flags',
    things: 'feature flags',
    ...{ entry: FeatureFlag, values: FlagValues, change: FlagChange },
    example: { name: 'browsers.recording', what: 'Record sessions', value: true, default: false },
    area: () => ({ kind: 'flag', entries: entries(), runtime: running() }),
  })
}

function areaRoutes({ path, things, entry, values, change, example, area }: AreaRoutes) {
  const at = '2026-11-20T12:00:00.000Z'
  const list = z.strictObject({ items: z.array(entry) })
  const reply = { items: [{ ...example, updatedAt: at }] }
  return [
    route({
      method: 'GET',
      path,
      summary: `List the ${things}`,
      access: 'settings.read',
      returns: list,
      examples: { reply },
      handler: async (ctx) => ({ items: await listEntries(ctx, area()) }),
    }),
    route({
      method: 'PUT',
      path,
      summary: `Change ${things}`,
      description:
        'All that are named or none; what is not named stays. Every process follows within 5 s.',
      access: 'settings.write',
      admit: requireStepUp,
      body: values,
      returns: list,
      problems: [stepUpRequired, httpProblems.keyNotAllowed],
      examples: { body: { [example.name]: example.value }, reply },
      handler: async (ctx, { body }) => ({ items: await changeEntries(ctx, area(), body) }),
    }),
    route({
      method: 'GET',
      path: `${path}/history`,
      summary: `List the changes of ${things}, the newest first`,
      access: 'settings.read',
      query: PageQuery,
      returns: pageOf(change),
      examples: {
        query: { limit: 20 },
        reply: { items: [changeExample(example, at)], nextCursor: null },
      },
      handler: (ctx, { query }) => listChanges(ctx, area(), query),
    }),
  ]
}

function changeExample({ name, value, ...example }: AreaRoutes['example'], at: string) {
  const ids = { id: 'chg_06f3k9w2m4qz7x8y1v5t0r6n3b', changedBy: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b' }
  return { ...ids, name, before: example.default, after: value, at }
}
