import { route } from '#kernel/http/route.ts'
import { problems } from '../problems.ts'
import { requireStepUp } from '../step-up.ts'
import { signingProblems } from './problems.ts'
import { replaceSigningKeys, rotateSigningKeys } from './rotate.ts'
import { RotateSigningKeys, type SigningKey, SigningKeys } from './schema.ts'
import type { SigningKeys as Running } from './signing-keys.ts'
import { readKeys, type SigningKeyRow } from './store.ts'

const example: SigningKey = {
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  ...{ status: 'active', algorithm: 'EdDSA', source: 'local' },
  createdAt: '2026-11-20T12:00:00.000Z',
  activatedAt: '2026-11-21T12:00:00.000Z',
}

export function signingRoutes(keys: () => Running) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/signing-keys',
      summary: 'List the keys that sign and verify access tokens',
      access: 'signing.read',
      returns: SigningKeys,
      examples: { reply: { items: [example] } },
      handler: async (ctx) => ({ items: (await readKeys(ctx.db)).map(present) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/signing-keys/rotate',
      summary: 'Publish the next signing key',
      description:
        'It signs after 24 hours, so that everybody who keeps the key set knows it by then. With `emergency=true` a new key signs at ' +
        'once and all others are dropped: every access token so far is refused within 5 seconds, and clients refresh.',
      access: 'signing.rotate',
      admit: requireStepUp,
      query: RotateSigningKeys,
      returns: SigningKeys,
      problems: [problems.stepUpRequired, signingProblems.sameKmsKey],
      examples: { reply: { items: [example] } },
      handler: async (ctx, { query }) => {
        const rotate = query.emergency ? replaceSigningKeys : rotateSigningKeys
        return { items: (await rotate(ctx, keys())).map(present) }
      },
    }),
  ]
}

function present(row: SigningKeyRow): SigningKey {
  const { kid, state: status, algorithm, activatesAt, activatedAt, retiringAt } = row
  return {
    ...{ kid, status, algorithm, source: row.kmsKeyId ? 'kms' : 'local' },
    createdAt: row.createdAt.toISOString(),
    ...(status === 'next' && activatesAt && { activatesAt: activatesAt.toISOString() }),
    ...(activatedAt && { activatedAt: activatedAt.toISOString() }),
    ...(retiringAt && { retiringAt: retiringAt.toISOString() }),
  }
}
