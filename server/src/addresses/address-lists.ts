import { isForStaff, PLATFORM_RANKS } from '#access/index.ts'
import { AddressRanges } from '#kernel/address-ranges.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Access } from '#kernel/http/route.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { problems } from './problems.ts'
import type { Scope } from './schema.ts'

export interface AddressListsOptions {
  db: Db
  clock: Clock
  log: Logger
  /** `ADMIN_ALLOWLIST`: allowed beside what is stored, and never blocked. */
  configured: readonly string[]
}

/** What another process changed counts here within 5 s. */
const REFRESH_MS = 3_000
const STAFF_ROLES: ReadonlySet<string> = new Set(PLATFORM_RANKS)

interface Blocked {
  range: string
  scope: Scope
  expiresAt: Date | null
}

/** The lists of addresses as one process knows them: asked on every request, before anybody is asked who they are. */
export class AddressLists implements AsyncDisposable {
  readonly configured: readonly string[]
  /** Told after each look that found something else than the one before. */
  onChange: () => void = () => {}
  readonly #options: AddressListsOptions
  readonly #never: AddressRanges
  readonly #following: Ticker
  #seen = ''
  /** Undefined: staff may come from anywhere. */
  #staff: AddressRanges | undefined
  #blocked: Readonly<Record<Scope, AddressRanges | undefined>> = {
    ...{ everything: undefined, sign_in: undefined },
  }
  #read: Promise<void> = Promise.resolve()

  static async open(options: AddressListsOptions): Promise<AddressLists> {
    const lists = new AddressLists(options)
    await lists.refresh()
    lists.#following.start()
    return lists
  }

  private constructor(options: AddressListsOptions) {
    this.#options = options
    this.configured = options.configured
    this.#never = new AddressRanges(options.configured)
    const { log } = options
    const work = () => this.refresh()
    const name = 'follow the address lists'
    this.#following = new Ticker({ name, everyMs: REFRESH_MS, log, work })
  }

  /**
   * Whether a request from here may be looked at, going by what its route is open to.
   *
   * @throws problem `addresses.blocked`, or `addresses.not_allowed` for a route that only staff can use
   */
  judge(address: string, access: Access | undefined): void {
    this.refuseBlocked(address)
    if (typeof access !== 'string' || !isForStaff(access)) return
    if (!this.admitsStaff(address)) throw problems.notAllowed()
  }

  /** @throws problem `addresses.blocked` */
  refuseBlocked(address: string): void {
    if (this.#isBlocked('everything', address)) throw problems.blocked()
  }

  /** @throws problem `addresses.sign_in_blocked` */
  refuseSignIn(address: string): void {
    if (this.#isBlocked('sign_in', address)) throw problems.signInBlocked()
  }

  admitsStaff(address: string): boolean {
    return this.#staff?.include(address) ?? true
  }

  /**
   * The actor as far as they may be that from here: from elsewhere than the allowlist says, staff have no roles but those in accounts
   * of their own.
   *
   * @throws problem `addresses.not_allowed` for staff who act for somebody else's account, or as somebody else
   */
  limit<Who extends Actor>(address: string, actor: Who): Who {
    if (!('roles' in actor) || this.admitsStaff(address)) return actor
    const isLent = actor.kind === 'user' && actor.impersonatedBy !== undefined
    if (isLent || actor.standing === 'all') throw problems.notAllowed()
    return { ...actor, roles: actor.roles.filter((role) => !STAFF_ROLES.has(role)) }
  }

  /** Reads the lists; resolves once what was committed before the call counts here. */
  refresh(): Promise<void> {
    // One after the other: what was read earlier must not take the place of what was read later.
    const read = this.#read.then(() => this.#refresh())
    this.#read = read.catch(() => undefined)
    return read
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following[Symbol.asyncDispose]()
    await this.#read
  }

  async #refresh(): Promise<void> {
    const { db, clock } = this.#options
    const allowed = await db.selectFrom('adminAddresses').select('range').orderBy('range').execute()
    const blocks: Blocked[] = await db
      .selectFrom('addressBlocks')
      .select(['range', 'scope', 'expiresAt'])
      .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', clock.now())]))
      .orderBy('id')
      .execute()
    const seen = JSON.stringify([allowed, blocks])
    if (seen === this.#seen) return
    this.#staff = rangesOf([...allowed.map(({ range }) => range), ...this.configured])
    this.#blocked = {
      everything: rangesOf(blocks.filter(isOf('everything')).map(({ range }) => range)),
      sign_in: rangesOf(blocks.filter(isOf('sign_in')).map(({ range }) => range)),
    }
    const isFirst = this.#seen === ''
    this.#seen = seen
    if (!isFirst) this.onChange()
  }

  #isBlocked(scope: Scope, address: string): boolean {
    const ranges = this.#blocked[scope]
    return ranges !== undefined && ranges.include(address) && !this.#never.include(address)
  }
}

function isOf(scope: Scope) {
  return (block: Blocked) => block.scope === scope
}

function rangesOf(ranges: readonly string[]): AddressRanges | undefined {
  return ranges.length > 0 ? new AddressRanges(ranges) : undefined
}
