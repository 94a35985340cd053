import { readFileSync } from 'node:fs'
import { allows } from '#access/index.ts'
import { Refusals } from '#audit/index.ts'
import { type BrowserRuntime, LiveChannel } from '#browsers/index.ts'
import type { Identity } from '#identity/index.ts'
import type { Capability } from '#kernel/capability.ts'
import type { Config } from '#kernel/config.ts'
import type { Context } from '#kernel/context.ts'
import { clientAddresses } from '#kernel/http/client-address.ts'
import { type HttpOptions, HttpServer } from '#kernel/http/server.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Log } from '#kernel/log.ts'
import { SocketDispatcher } from '#kernel/sockets.ts'
import type { Telemetry } from '#kernel/telemetry.ts'
import { corsOrigins, isOwnHost, localUrl, tellOfRaisedLimits } from './web-rules.ts'

export interface FrontOptions extends Pick<HttpOptions, 'objects'> {
  config: Config
  log: Log
  telemetry: Telemetry
  capabilities: readonly Capability[]
  identity: Identity
  contextFor(situation: Situation): Context
  runtime(): BrowserRuntime
  /** Where clients reach it. */
  url(): string
}

/** What clients talk to: the HTTP server and, on the same port, every socket. */
export class Front {
  readonly http: HttpServer
  readonly sockets: SocketDispatcher
  readonly #refusals: Refusals
  readonly #config: Config

  static async open(options: FrontOptions): Promise<Front> {
    const { config, log, contextFor } = options
    tellOfRaisedLimits(config, log.category('http'))
    const channel = openChannel(options)
    const refusals = new Refusals({ contextFor, log: log.category('audit') })
    const http = await openHttp(options, channel, refusals)
    return new Front(config, http, openSockets(options, http, channel, refusals), refusals)
  }

  private constructor(
    config: Config,
    http: HttpServer,
    sockets: SocketDispatcher,
    refusals: Refusals,
  ) {
    this.#config = config
    this.http = http
    this.sockets = sockets
    this.#refusals = refusals
  }

  /** Gives the address where clients on this machine reach it. */
  async listen(): Promise<string> {
    const port = await this.http.listen(this.#config.HOST, this.#config.PORT)
    return localUrl(this.#config, port)
  }

  /** Once nothing is asked any more: writes down who was refused what. */
  async closeRefusals(): Promise<void> {
    await this.#refusals[Symbol.asyncDispose]()
  }
}

function openHttp(
  options: FrontOptions,
  channel: LiveChannel,
  refusals: Refusals,
): Promise<HttpServer> {
  const { config, log, identity, telemetry, capabilities, contextFor, objects } = options
  return HttpServer.open({
    ...{ telemetry, capabilities, contextFor, allows },
    foreign: channel,
    log: log.category('http'),
    authenticate: (request, account) => identity.identify(request, options.url(), account),
    refused: refusals.note,
    requestTimeoutMs: config.REQUEST_TIMEOUT_SECONDS * 1000,
    corsOrigins: corsOrigins(config),
    trustedProxies: config.TRUSTED_PROXIES,
    loopbackOnly: config.loopbackOnly,
    publicUrl: config.PUBLIC_URL,
    ...(config.TLS_CERT_FILE && {
      tls: { cert: readFileSync(config.TLS_CERT_FILE), key: readFileSync(config.TLS_KEY_FILE!) },
    }),
    ...(objects && { objects }),
  })
}

function openSockets(
  options: FrontOptions,
  http: HttpServer,
  channel: LiveChannel,
  refusals: Refusals,
): SocketDispatcher {
  const { capabilities, identity, contextFor } = options
  const sockets = new SocketDispatcher({
    ...socketRules(options),
    sockets: capabilities.flatMap((capability) => capability.sockets ?? []),
    foreign: [channel],
    authenticate: ({ headers }, ip) =>
      identity.authenticate(headers.authorization, ip, headers['gantry-account']),
    contextFor: (actor, client) => contextFor({ actor, client }),
    refused: refusals.note,
  })
  sockets.attach(http.server)
  return sockets
}

function openChannel(options: FrontOptions): LiveChannel {
  const { identity, contextFor, runtime } = options
  return new LiveChannel({
    ...socketRules(options),
    ...{ runtime, contextFor },
    authenticate: (authorization, ip) => identity.authenticate(authorization, ip),
  })
}

function socketRules({ config, log }: FrontOptions) {
  return {
    log: log.category('sockets'),
    addressOf: clientAddresses(config.TRUSTED_PROXIES),
    allowsOrigin: (origin: string, host: string | undefined) =>
      corsOrigins(config).includes(origin) || URL.parse(origin)?.host === host,
    allowsHost: (host: string | undefined) => isOwnHost(config, host),
  }
}
