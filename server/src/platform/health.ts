import type { Check, CheckResult } from '#kernel/health.ts'
import type { Context } from '#kernel/context.ts'
import type { CheckReport } from './schema.ts'

const KEPT_MS = 1_000
const DEADLINE_MS = 2_000

/**
 * Runs the checks for everybody who asks: a report serves all callers of the next second, and a check that hangs is waited for by
 * none of them for more than 2 s and is not begun again meanwhile.
 */
export class HealthBoard {
  readonly #watches: ReadonlyMap<string, Watch>

  constructor(checks: readonly Check[]) {
    this.#watches = new Map(checks.map((check) => [check.name, new Watch(check)]))
  }

  get names(): string[] {
    return [...this.#watches.keys()]
  }

  /** Nothing when there is no such check. */
  report(ctx: Context, name: string): Promise<CheckReport> | undefined {
    return this.#watches.get(name)?.report(ctx)
  }

  async reports(ctx: Context): Promise<Record<string, CheckReport>> {
    const watches = [...this.#watches]
    const reports = await Promise.all(watches.map(([, watch]) => watch.report(ctx)))
    return Object.fromEntries(watches.map(([name], index) => [name, reports[index]!]))
  }
}

export function overall(reports: Record<string, CheckReport>): CheckReport['status'] {
  const all = Object.values(reports)
  if (all.some(({ status, critical }) => critical && status === 'failing')) return 'failing'
  return all.every(({ status }) => status === 'ok') ? 'ok' : 'degraded'
}

class Watch {
  readonly #check: Check
  #report: Promise<CheckReport> | undefined
  #running: Promise<CheckResult> | undefined

  constructor(check: Check) {
    this.#check = check
  }

  report(ctx: Context): Promise<CheckReport> {
    this.#report ??= this.#look(ctx).finally(() => {
      setTimeout(() => (this.#report = undefined), KEPT_MS).unref()
    })
    return this.#report
  }

  async #look(ctx: Context): Promise<CheckReport> {
    const { what, critical } = this.#check
    const startedMs = performance.now()
    const result = await this.#result(ctx)
    const durationMs = Math.round((performance.now() - startedMs) * 10) / 10
    return { ...result, what, critical, durationMs }
  }

  async #result(ctx: Context): Promise<CheckResult> {
    const { name } = this.#check
    const actor = { kind: 'system', name: `check:${name}` } as const
    const signal = AbortSignal.timeout(DEADLINE_MS)
    this.#running ??= this.#run(ctx.with({ actor, signal })).finally(
      () => (this.#running = undefined),
    )
    const late: CheckResult = { status: 'failing', detail: `No answer within ${DEADLINE_MS} ms.` }
    return within(DEADLINE_MS, this.#running, late)
  }

  /** What a check throws may name hosts and users, so it is for the log and not for the public. */
  async #run(ctx: Context): Promise<CheckResult> {
    try {
      return await this.#check.run(ctx)
    } catch (error) {
      ctx.log.warn({ err: error, check: this.#check.name }, 'health check failed')
      return { status: 'failing', detail: 'The check failed; the log says why.' }
    }
  }
}

async function within<Result>(ms: number, work: Promise<Result>, late: Result): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<Result>((resolve) => (timer = setTimeout(resolve, ms, late)))
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
