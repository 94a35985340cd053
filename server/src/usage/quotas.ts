import type { Capability } from '#kernel/capability.ts'
import type { Context } from '#kernel/context.ts'
import type { Quota } from './schema.ts'

/** Everything that the account may have only so much of, as it stands now. */
export async function listQuotas(
  ctx: Context,
  capabilities: readonly Pick<Capability, 'quotas'>[],
): Promise<{ items: Quota[] }> {
  const quotas = capabilities.flatMap((capability) => Object.entries(capability.quotas ?? {}))
  const items: Quota[] = []
  for (const [name, { unit, what, of }] of quotas.toSorted()) {
    const { used, limit, resetsAt } = await of(ctx)
    const reset = resetsAt && { resetsAt: resetsAt.toISOString() }
    items.push({ name, what, unit, used, limit: limit ?? null, ...reset })
  }
  return { items }
}
