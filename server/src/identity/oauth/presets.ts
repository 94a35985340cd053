import type { IDToken } from 'openid-client'
import { isYes } from './claims.ts'
import type { Manners } from './openid-provider.ts'

const SCOPES = ['openid', 'email', 'profile']
const DIRECTORY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MICROSOFT = 'https://login.microsoftonline.com'

interface Client {
  clientId: string
  clientSecret: string
}

export function google(client: Client) {
  const issuer = 'https://accounts.google.com'
  return { id: 'google', name: 'Google', issuer, scopes: SCOPES, ...client }
}

export const GOOGLE_MANNERS: Manners = {
  provesAgain: false,
  isVerified: (claims) => isYes(claims.email_verified),
}

export function microsoft(client: Client, tenant: string) {
  const issuer = `${MICROSOFT}/${tenant}/v2.0`
  return { id: 'microsoft', name: 'Microsoft', issuer, scopes: SCOPES, ...client }
}

/** Whoever runs a directory writes any address they like into it: one counts only when Microsoft says that its domain is theirs. */
export const MICROSOFT_MANNERS: Manners = {
  provesAgain: true,
  isVerified: (claims) => isYes(claims.xms_edov),
  check: checkDirectory,
}

/** Many directories share one configuration: each token names its own, and the issuer must be that one. */
function checkDirectory({ iss, tid }: IDToken): void {
  const isOne = typeof tid === 'string' && DIRECTORY.test(tid)
  if (!isOne || iss !== `${MICROSOFT}/${tid}/v2.0`) throw new Error('of no directory')
}
