import { z } from 'zod'
import { requireStepUp, stepUpRequired } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { route } from '#kernel/http/route.ts'
import type { SecretsParts } from './parts.ts'
import { problems } from './problems.ts'
import { type SealingKey, SealingKeyList } from './schema.ts'
import { listKeys, retire } from './service.ts'

const example: SealingKey = {
  ...{ id: '3f9a1c07be52d684', status: 'active', source: 'file' },
  createdAt: '2026-11-20T12:00:00.000Z',
  activatedAt: '2026-11-20T12:00:15.000Z',
  records: { 'sign_ins.refresh_key': 218, 'signing_keys.sealed_private': 1 },
}
const reply = { items: [example] }

export function routes(parts: () => SecretsParts, rotate: (ctx: Context) => Promise<SealingKey[]>) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/sealing-keys',
      summary: 'List the keys that seal secrets in the database, and how much each has sealed',
      access: 'secrets.read',
      returns: SealingKeyList,
      examples: { reply },
      handler: async (ctx) => ({ items: await listKeys(ctx, parts()) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/sealing-keys/rotate',
      summary: 'Add a sealing key, and seal everything anew',
      description:
        'The key seals once every process knows it, 15 seconds later; the job `secrets.reseal_records` then brings all records under ' +
        'it. Without KMS the key is a new file in `keys/` of the machine that answers: on several machines, prepare and copy it first.',
      access: 'secrets.rotate',
      admit: requireStepUp,
      returns: SealingKeyList,
      status: 202,
      problems: [stepUpRequired],
      examples: { reply },
      handler: async (ctx) => ({ items: await rotate(ctx) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/sealing-keys/:id/retire',
      summary: 'Give up a sealing key that nothing is sealed with any more',
      description: 'From then on it opens nothing. Backups from before still need it.',
      access: 'secrets.rotate',
      admit: requireStepUp,
      params: z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/) }),
      returns: SealingKeyList,
      problems: [stepUpRequired, problems.notRetiring, problems.tooEarly, problems.inUse],
      examples: { params: { id: example.id }, reply },
      handler: async (ctx, { params }) => ({ items: await retire(ctx, parts(), params.id) }),
    }),
  ]
}
