import { buffer } from 'node:stream/consumers'
import type { Context } from '#kernel/context.ts'
import { type PersonalRecords, type PersonOnRecord, rowsById } from '#kernel/personal-records.ts'
import { Problem } from '#kernel/problem.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { readAvatar } from '../avatar/service.ts'
import { findUser, presentUser } from '../users.ts'

/** More than anybody has of those that are read at once. */
const MOST = 10_000

/** Each names the columns that it tells, so that no digest, key or secret that a table gets comes along. */
export function ownLists(store: () => ObjectStore): NonNullable<PersonalRecords['lists']> {
  return {
    user: listUser,
    avatar: (ctx, person) => listAvatar(ctx, store(), person),
    accounts: listAccounts,
    apiKeys: listKeys,
    devices: listDevices,
    signIns: listSignIns,
    secondFactors: listFactors,
    rememberedDevices: listRemembered,
    identities: listIdentities,
    invitationsSent: listSent,
    exports: listExports,
  }
}

async function* listUser({ db }: Context, { userId }: PersonOnRecord) {
  const user = await findUser(db, 'id', userId)
  if (user) yield presentUser(user)
}

async function* listAvatar(ctx: Context, store: ObjectStore, { userId }: PersonOnRecord) {
  const user = await findUser(ctx.db, 'id', userId)
  if (!user || user.avatarId === null) return
  const found = await readAvatar(ctx, store, user.avatarId).catch(absentIfReplaced)
  if (!found) return
  const { stream, contentType } = found
  yield { contentType, base64: (await buffer(stream)).toString('base64') }
}

/** The person may have chosen another one in this moment. */
function absentIfReplaced(error: unknown): undefined {
  if (!(error instanceof Problem) || error.status !== 404) throw error
}

async function* listAccounts({ db }: Context, { userId }: PersonOnRecord) {
  yield* await db
    .selectFrom('members')
    .innerJoin('accounts', 'accounts.id', 'members.accountId')
    .select(['accounts.id', 'accounts.name', 'accounts.kind', 'accounts.tier', 'members.role'])
    .select('members.createdAt as joinedAt')
    .where('members.userId', '=', userId)
    .where('accounts.deletedAt', 'is', null)
    .orderBy('members.createdAt')
    .limit(MOST)
    .execute()
}

function listKeys({ db }: Context, { userId }: PersonOnRecord) {
  return rowsById((after, limit) =>
    db
      .selectFrom('apiKeys')
      .select(['id', 'accountId', 'name', 'mode', 'prefix', 'scopes', 'allowedAddresses'])
      .select(['createdAt', 'expiresAt', 'revokedAt', 'lastUsedAt', 'lastUsedIp'])
      .where('createdBy', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

/** Without those of staff who acted as the user: where those were is their own affair. */
function listDevices({ db }: Context, { userId }: PersonOnRecord) {
  return rowsById((after, limit) =>
    db
      .selectFrom('signIns')
      .select(['id', 'createdAt', 'expiresAt', 'lastActivityAt', 'ipAddress', 'userAgent'])
      .select(['amr', 'revokedAt', 'revokedReason'])
      .where('userId', '=', userId)
      .where('impersonatedFrom', 'is', null)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

function listSignIns({ db }: Context, { userId }: PersonOnRecord) {
  return rowsById((after, limit) =>
    db
      .selectFrom('signInRecords')
      .select(['id', 'at', 'result', 'signInId', 'ipAddress', 'userAgent'])
      .where('userId', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

async function* listFactors({ db }: Context, { userId }: PersonOnRecord) {
  const apps = await db
    .selectFrom('totpSecrets')
    .select(['state', 'createdAt'])
    .where('userId', '=', userId)
    .execute()
  yield* apps.map((app) => ({ kind: 'totp', ...app }))
  const passkeys = await db
    .selectFrom('passkeys')
    .select(['id', 'name', 'createdAt', 'lastUsedAt'])
    .where('userId', '=', userId)
    .orderBy('id')
    .limit(MOST)
    .execute()
  yield* passkeys.map((passkey) => ({ kind: 'passkey', ...passkey }))
  const codes = await db
    .selectFrom('backupCodes')
    .select(['createdAt', 'usedAt'])
    .where('userId', '=', userId)
    .orderBy('createdAt')
    .limit(MOST)
    .execute()
  yield* codes.map((code) => ({ kind: 'backup_code', ...code }))
}

async function* listRemembered({ db }: Context, { userId }: PersonOnRecord) {
  yield* await db
    .selectFrom('rememberedDevices')
    .select(['id', 'ipAddress', 'userAgent', 'createdAt', 'expiresAt', 'lastUsedAt'])
    .where('userId', '=', userId)
    .orderBy('id')
    .limit(MOST)
    .execute()
}

/** Where the person signs in instead, and as whom. */
async function* listIdentities({ db }: Context, { userId }: PersonOnRecord) {
  yield* await db
    .selectFrom('linkedIdentities')
    .select(['id', 'provider', 'issuer', 'subject', 'email', 'createdAt', 'lastUsedAt'])
    .where('userId', '=', userId)
    .orderBy('id')
    .limit(MOST)
    .execute()
}

/** Without the addresses: they are of other people. */
function listSent({ db }: Context, { userId }: PersonOnRecord) {
  return rowsById((after, limit) =>
    db
      .selectFrom('invitations')
      .select(['id', 'accountId', 'role', 'platformRole', 'createdAt', 'expiresAt'])
      .select(['acceptedAt', 'cancelledAt'])
      .where('invitedBy', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

async function* listExports({ db }: Context, { userId }: PersonOnRecord) {
  yield* await db
    .selectFrom('dataExports')
    .select(['id', 'status', 'createdAt', 'readyAt', 'expiresAt'])
    .where('userId', '=', userId)
    .orderBy('createdAt')
    .limit(MOST)
    .execute()
}
