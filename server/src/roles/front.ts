import { allows } from '#access/index.ts'
import { Misses } from '#alerts/index.ts'
import { Refusals } from '#audit/index.ts'
import { type BrowserRuntime, channelSocket, LiveChannel } from '#browsers/index.ts'
import type { Capability } from '#kernel/capability.ts'
import type { Certificates } from '#kernel/certificates.ts'
import type { Config } from '#kernel/config.ts'
import { clientAddresses } from '#kernel/http/client-address.ts'
import type { HostServer } from '#kernel/http/host-server.ts'
import { HttpServer } from '#kernel/http/server.ts'
import { SocketDispatcher } from '#kernel/sockets.ts'
import { objectHandler } from '#kernel/storage/http.ts'
import type { Core } from '../parts/core.ts'
import type { People } from '../parts/people.ts'
import { corsOrigins, isOwnHost, localUrl, tellOfRaisedLimits } from '../parts/web-rules.ts'

export interface FrontOptions {
  core: Core
  people: People
  capabilities: readonly Capability[]
  runtime(): BrowserRuntime
  /** Answers for the hosts of tunnels, where this process carries them. */
  hosts?: HostServer | undefined
  /** Of a server that speaks HTTPS. */
  certificates?: Certificates | undefined
}

/** Who wanted what they may not have, and what is not there. */
interface Notes {
  readonly refusals: Refusals
  readonly misses: Misses
}

/** What clients talk to: the HTTP server and, on the same port, every socket. */
export class Front {
  readonly http: HttpServer
  readonly sockets: SocketDispatcher
  readonly #notes: Notes
  readonly #config: Config

  static async open(options: FrontOptions): Promise<Front> {
    const { config, log, clock, contextFor } = options.core
    tellOfRaisedLimits(config, log.category('http'))
    const limit = config.MISSED_REQUESTS
    const notes = {
      refusals: new Refusals({ contextFor, log: log.category('audit') }),
      misses: new Misses({ contextFor, clock, log: log.category('http'), limit }),
    }
    const channel = openChannel(options, notes)
    const http = await openHttp(options, channel, notes)
    options.certificates?.serve(http.server)
    return new Front(config, http, openSockets(options, http, channel, notes), notes)
  }

  private constructor(config: Config, http: HttpServer, sockets: SocketDispatcher, notes: Notes) {
    this.#config = config
    this.http = http
    this.sockets = sockets
    this.#notes = notes
  }

  /** Gives the address where clients on this machine reach it. */
  async listen(): Promise<string> {
    const port = await this.http.listen(this.#config.HOST, this.#config.PORT)
    return localUrl(this.#config, port)
  }

  /** Once nothing is asked any more: writes down who was refused what. */
  async closeNotes(): Promise<void> {
    await this.#notes.refusals[Symbol.asyncDispose]()
    await this.#notes.misses[Symbol.asyncDispose]()
  }
}

function openHttp(
  { core, people, capabilities, hosts, certificates }: FrontOptions,
  channel: LiveChannel,
  { refusals, misses }: Notes,
): Promise<HttpServer> {
  const { config, log, telemetry, contextFor, store } = core
  const { callers, addresses } = people
  return HttpServer.open({
    ...{ telemetry, capabilities, contextFor, allows },
    foreign: channel,
    log: log.category('http'),
    judgeAddress: (address, access) => addresses.judge(address, access),
    authenticate: (request, account) => callers.ofRequest(request, core.url, account),
    refused: refusals.note,
    judgeGuesses: misses.judge,
    missed: misses.note,
    requestTimeoutMs: config.REQUEST_TIMEOUT_SECONDS * 1000,
    corsOrigins: corsOrigins(config),
    trustedProxies: config.TRUSTED_PROXIES,
    loopbackOnly: config.loopbackOnly,
    publicUrl: config.PUBLIC_URL,
    ...(certificates && { tls: certificates.options }),
    objects: objectHandler({ store, ...core.objectUrls }),
    ...(hosts && { hosts }),
  })
}

function openSockets(
  options: FrontOptions,
  http: HttpServer,
  channel: LiveChannel,
  { refusals }: Notes,
): SocketDispatcher {
  const { core, people, capabilities, hosts } = options
  const { callers, addresses } = people
  const sockets = new SocketDispatcher({
    ...socketRules(options),
    sockets: capabilities.flatMap((capability) => capability.sockets ?? []),
    foreign: [channel],
    ...(hosts && { hosts }),
    authenticate: ({ headers }, ip) =>
      callers.ofHeader(headers.authorization, ip, headers['gantry-account']),
    redeem: (ticket, path, ip) => people.identity.redeemTicket(ticket, path, ip),
    judgeAddress: (address) => addresses.refuseBlocked(address),
    contextFor: (actor, client) => core.contextFor({ actor, client }),
    refused: refusals.note,
  })
  sockets.attach(http.server)
  addresses.onChange = () => sockets.judgeOpen()
  return sockets
}

function openChannel(options: FrontOptions, { refusals }: Notes): LiveChannel {
  const { core, people, runtime } = options
  return new LiveChannel({
    ...socketRules(options),
    ...{ runtime, contextFor: core.contextFor },
    authenticate: (authorization, ip, account) =>
      people.callers.ofHeader(authorization, ip, account),
    redeem: (ticket, ip) => people.identity.redeemTicket(ticket, channelSocket.path, ip),
    refused: refusals.note,
  })
}

function socketRules({ core: { config, log } }: FrontOptions) {
  return {
    log: log.category('sockets'),
    addressOf: clientAddresses(config.TRUSTED_PROXIES),
    allowsOrigin: (origin: string, host: string | undefined) =>
      corsOrigins(config).includes(origin) || URL.parse(origin)?.host === host,
    allowsHost: (host: string | undefined) => isOwnHost(config, host),
  }
}
