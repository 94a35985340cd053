import { REDACTED, type ShownTunnelConfig } from './config-schema.ts'
import { problems } from './problems.ts'
import type { TunnelConfig } from './spec.ts'

/** The values of header rules, and who comes in by a password, are for those who may change them. */
export function presentConfig(
  { basicAuth, ...config }: TunnelConfig,
  seesSecrets: boolean,
): ShownTunnelConfig {
  const username = seesSecrets ? basicAuth?.username : REDACTED
  return {
    ...config,
    requestHeaders: presentRules(config.requestHeaders, seesSecrets),
    responseHeaders: presentRules(config.responseHeaders, seesSecrets),
    ...(basicAuth && { basicAuth: { username: username ?? REDACTED, hasPassword: true } }),
  }
}

function presentRules({ set, remove }: TunnelConfig['requestHeaders'], seesSecrets: boolean) {
  const names = Object.keys(set).map((name) => [name, REDACTED])
  return { set: seesSecrets ? { ...set } : Object.fromEntries(names), remove: [...remove] }
}

/** Whoever reads redacted values and sends them back would overwrite the secrets with them. @throws problem `tunnel.value_redacted` */
export function refuseRedacted({
  requestHeaders,
  responseHeaders,
  basicAuth,
}: Pick<TunnelConfig, 'requestHeaders' | 'responseHeaders' | 'basicAuth'>): void {
  const members = [
    ...redactedIn('requestHeaders', requestHeaders),
    ...redactedIn('responseHeaders', responseHeaders),
    ...(basicAuth?.username === REDACTED ? ['basicAuth.username'] : []),
  ]
  if (members.length > 0) throw problems.valueRedacted({ members: members.join(', ') })
}

function redactedIn(member: string, { set }: TunnelConfig['requestHeaders']): string[] {
  const names = Object.keys(set).filter((name) => set[name] === REDACTED)
  return names.map((name) => `${member}.set.${name}`)
}
