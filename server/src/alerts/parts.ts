import type { Context } from '#kernel/context.ts'

/** What alerts need to know of people. */
export interface AlertsParts {
  /** The e-mail addresses of those who run the installation. */
  superAdmins(ctx: Context): Promise<readonly string[]>
}
