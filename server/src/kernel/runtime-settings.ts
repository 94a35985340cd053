import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { Capability } from './capability.ts'
import { actorId, type Context } from './context.ts'
import type { Db } from './db.ts'
import { cutPage, olderThan, type PageQuery, timeText } from './http/cursor.ts'
import type { Logger } from './log.ts'

/** A value that an admin may change while the product runs. */
export interface Setting<Value extends z.ZodType = z.ZodType> {
  /** `capability.name_of_it`. */
  readonly name: string
  readonly what: string
  readonly value: Value
  readonly default: z.output<Value>
}

/** A feature that an admin may switch while the product runs. */
export interface Flag {
  /** `capability.name_of_it`. */
  readonly name: string
  readonly what: string
  readonly default: boolean
}

export function defineSetting<Value extends z.ZodType>(setting: Setting<Value>): Setting<Value> {
  return setting
}

export function defineFlag(flag: Flag): Flag {
  return flag
}

export interface StoredValue {
  value: unknown
  updatedAt: Date
}

export interface SettingChange {
  /** `chg_…` */
  id: string
  name: string
  /** Null where the default of the code held. */
  before: unknown
  after: unknown
  /** A user's or a key's id, or `system`. */
  changedBy: string
  at: Date
}

const REFRESH_MS = 5_000

/** The values that admins have set, read by every process each 5 s; the defaults of the code where nothing is set. */
export class RuntimeSettings implements AsyncDisposable {
  readonly settings: readonly Setting[]
  readonly flags: readonly Flag[]
  readonly #db: Db
  readonly #log: Logger
  #values: ReadonlyMap<string, unknown> = new Map()
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()

  static async open(
    db: Db,
    log: Logger,
    capabilities: readonly Capability[],
  ): Promise<RuntimeSettings> {
    const settings = new RuntimeSettings(db, log, capabilities)
    await settings.refresh()
    return settings
  }

  private constructor(db: Db, log: Logger, capabilities: readonly Capability[]) {
    this.#db = db
    this.#log = log
    this.settings = capabilities.flatMap((capability) => capability.settings ?? [])
    this.flags = capabilities.flatMap((capability) => capability.flags ?? [])
    this.#timer = setInterval(
      () => void (this.#reading = this.#refreshQuietly()),
      REFRESH_MS,
    ).unref()
  }

  /** A stored value that the setting's schema no longer takes counts as unset. */
  get<Value extends z.ZodType>(setting: Setting<Value>): z.output<Value> {
    const stored = setting.value.safeParse(this.#values.get(setting.name))
    return stored.success ? stored.data : setting.default
  }

  isOn(flag: Flag): boolean {
    const stored = this.#values.get(flag.name)
    return typeof stored === 'boolean' ? stored : flag.default
  }

  /** What admins have set, by name; read now, in the caller's transaction if there is one. */
  async stored(ctx: Context): Promise<ReadonlyMap<string, StoredValue>> {
    const rows = await ctx.db.selectFrom('runtimeSettings').selectAll().execute()
    return new Map(rows.map((row) => [row.name, row]))
  }

  /**
   * Sets a value in the caller's transaction, and keeps who set it and what it was. Changes follow one another: a second one waits
   * until the first one's transaction has ended. Returns nothing when the value is that already.
   */
  async change(ctx: Context, name: string, value: unknown): Promise<SettingChange | undefined> {
    await sql`select pg_advisory_xact_lock(hashtext('runtime_settings'))`.execute(ctx.db)
    const before = (await this.stored(ctx)).get(name)?.value
    const after = JSON.stringify(value)
    if (isDeepStrictEqual(before, JSON.parse(after))) return undefined
    const changedBy = actorId(ctx.actor) ?? 'system'
    const change = { id: ctx.newId('chg'), name, changedBy, at: ctx.clock.now() }
    await ctx.db
      .insertInto('runtimeSettings')
      .values({ name, value: after, updatedAt: change.at })
      .onConflict((it) => it.column('name').doUpdateSet({ value: after, updatedAt: change.at }))
      .execute()
    await ctx.db
      .insertInto('runtimeSettingChanges')
      .values({ ...change, before: before === undefined ? null : JSON.stringify(before), after })
      .execute()
    ctx.afterCommit(() => void (this.#reading = this.#refreshQuietly()))
    return { ...change, before: before ?? null, after: value }
  }

  /** Changes of these settings and flags, the newest first. */
  async history(ctx: Context, names: readonly string[], { limit, cursor }: PageQuery) {
    const list = 'runtime-settings.history'
    const place = ctx.cursors.read(list, cursor)
    const rows = await ctx.db
      .selectFrom('runtimeSettingChanges')
      .selectAll()
      .select(timeText('at').as('atText'))
      .where('name', '=', sql<string>`any(${names})`)
      .$if(place !== undefined, (query) => query.where(olderThan('at', 'id', place!)))
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute()
    return cutPage(rows, limit, ({ atText, id }) => ctx.cursors.write(list, { time: atText, id }))
  }

  /** Resolves once this process has read what was changed before the call. */
  settled(): Promise<void> {
    return this.#reading
  }

  async refresh(): Promise<void> {
    const rows = await this.#db.selectFrom('runtimeSettings').select(['name', 'value']).execute()
    this.#values = new Map(rows.map((row) => [row.name, row.value]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#reading
  }

  async #refreshQuietly(): Promise<void> {
    await this.refresh().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'runtime settings could not be read')
    })
  }
}
