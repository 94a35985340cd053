import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Logger } from '#kernel/log.ts'
import { GitHubProvider } from './github-provider.ts'
import { OpenIdProvider } from './openid-provider.ts'
import { google, GOOGLE_MANNERS, microsoft, MICROSOFT_MANNERS } from './presets.ts'
import { oauthProblems } from './problems.ts'
import type { Provider } from './provider.ts'
import { ProviderCalls } from './provider-calls.ts'

type Settings = Pick<
  Config,
  | 'EGRESS_ALLOW'
  | 'OAUTH_GOOGLE_CLIENT_ID'
  | 'OAUTH_GOOGLE_CLIENT_SECRET'
  | 'OAUTH_MICROSOFT_CLIENT_ID'
  | 'OAUTH_MICROSOFT_CLIENT_SECRET'
  | 'OAUTH_MICROSOFT_TENANT'
  | 'OAUTH_GITHUB_CLIENT_ID'
  | 'OAUTH_GITHUB_CLIENT_SECRET'
  | 'OAUTH_GITHUB_URL'
  | 'OAUTH_PROVIDERS'
>

/** The providers that the operator has configured, in the order of their buttons. */
export class Providers implements AsyncDisposable {
  readonly #all: readonly Provider[]
  readonly #calls = new AsyncDisposableStack()

  /** Without settings: none. Nobody is asked anything before somebody wants to sign in there. */
  constructor(settings?: Settings, around?: { clock: Clock; log: Pick<Logger, 'warn'> }) {
    this.#all = settings && around ? this.#open(settings, around) : []
  }

  list(): readonly Provider[] {
    return this.#all
  }

  has(id: string): boolean {
    return this.#all.some((one) => one.id === id)
  }

  /** @throws problem `oauth.provider_unknown` */
  find(id: string): Provider {
    const found = this.#all.find((one) => one.id === id)
    if (!found) throw oauthProblems.providerUnknown({ provider: `'${id}'` })
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.disposeAsync()
  }

  #open(
    settings: Settings,
    { clock, log }: { clock: Clock; log: Pick<Logger, 'warn'> },
  ): Provider[] {
    const callsTo = (named?: string) => {
      const rules = { allow: settings.EGRESS_ALLOW, log, ...(named && { named: new URL(named) }) }
      return { clock, fetch: this.#calls.use(new ProviderCalls(rules)).fetch }
    }
    const wellKnown = [
      { client: clientOf(settings, 'GOOGLE'), settings: google, manners: GOOGLE_MANNERS },
      {
        client: clientOf(settings, 'MICROSOFT'),
        settings: (client: Client) => microsoft(client, settings.OAUTH_MICROSOFT_TENANT),
        manners: MICROSOFT_MANNERS,
      },
    ]
    const gitHub = clientOf(settings, 'GITHUB')
    const origin = settings.OAUTH_GITHUB_URL
    return [
      ...wellKnown.flatMap(({ client, settings, manners }) =>
        client ? [new OpenIdProvider(settings(client), { ...callsTo(), manners })] : [],
      ),
      ...(gitHub ? [new GitHubProvider({ ...gitHub, origin }, callsTo(origin))] : []),
      ...settings.OAUTH_PROVIDERS.map((one) => new OpenIdProvider(one, callsTo(one.issuer))),
    ]
  }
}

type Client = Exclude<ReturnType<typeof clientOf>, undefined>

function clientOf(settings: Settings, name: 'GOOGLE' | 'MICROSOFT' | 'GITHUB') {
  const clientId = settings[`OAUTH_${name}_CLIENT_ID`]
  const clientSecret = settings[`OAUTH_${name}_CLIENT_SECRET`]
  return clientId && clientSecret ? { clientId, clientSecret } : undefined
}
