import { AddressLists } from '#addresses/index.ts'
import { Identity, type PasswordCost, Providers } from '#identity/index.ts'
import { Callers } from './callers.ts'
import type { Core } from './core.ts'
import { type MailParts, openMailParts } from './mail.ts'

/** Who uses the product: who they are, from where they may come, and how mail reaches them. */
export class People implements AsyncDisposable {
  readonly identity: Identity
  readonly addresses: AddressLists
  readonly callers: Callers
  readonly mail: MailParts
  readonly #open: AsyncDisposableStack

  static async open(core: Core, passwordCost?: PasswordCost): Promise<People> {
    const { config, clock, db, keyring, kms, settings } = core
    const log = core.log.category('identity')
    await using open = new AsyncDisposableStack()
    const addresses = open.use(
      await AddressLists.open({
        ...{ db, clock, log: core.log.category('http'), configured: config.ADMIN_ALLOWLIST },
      }),
    )
    const identity = open.use(
      await Identity.open({
        ...{ db, clock, config, keyring, kms, settings, log, passwordCost },
        refuseSignIn: (address) => addresses.refuseSignIn(address),
        providers: new Providers(config, { clock, log }),
      }),
    )
    return new People(core, identity, addresses, open.move())
  }

  private constructor(
    core: Core,
    identity: Identity,
    addresses: AddressLists,
    open: AsyncDisposableStack,
  ) {
    const callers = new Callers(identity, addresses)
    this.identity = identity
    this.addresses = addresses
    this.callers = callers
    this.mail = openMailParts(core.config, (request) => callers.ofRequest(request, core.url))
    this.#open = open
    open.use(this.mail)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.disposeAsync()
  }
}
