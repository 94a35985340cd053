import type { Context } from './context.ts'

/** One dependency's health. `degraded` means that the product works with less. */
export interface CheckResult {
  status: 'ok' | 'degraded' | 'failing'
  /** One sentence for an operator; holds no secret and no address of a customer. */
  detail?: string
}

export interface Check {
  /** The last part of `/health/{check}`. */
  readonly name: string
  readonly what: string
  /** Whether traffic should be kept away while it fails. */
  readonly critical: boolean
  run(ctx: Context): Promise<CheckResult>
}
