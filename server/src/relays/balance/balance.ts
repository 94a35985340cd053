import type { Clock } from '#kernel/clock.ts'
import type { EndpointSpec } from '#tunnels/index.ts'
import { BREAKER, Breaker, type BreakerSettings, type BreakerState } from './breaker.ts'

export interface BalanceOptions {
  clock: Clock
  /** From 0 up to 1; `Math.random` unless given. */
  random?: () => number
  breaker?: Partial<BreakerSettings>
}

export interface Wanted {
  /** Whether the agent of that label has a link here. */
  has(agent: string): boolean
  /** Endpoints by id that were tried for this request. */
  not?: ReadonlySet<string>
}

export type EndpointHealth = 'healthy' | 'unhealthy' | 'unknown'

export interface EndpointState {
  id: string
  health: EndpointHealth
  breaker: BreakerState
  consecutiveFailures: number
  /** In a row; each one is longer. A stretch without any takes back one after the other. */
  ejections: number
  /** How long it still takes none, at most. */
  ejectedForMs?: number
  lastFailure?: string
  /** The part of its weight that counts now, as it has come back: 1 is all. */
  warmth: number
  /** Smoothed, until the first byte of an answer. */
  averageMs?: number
}

interface Member {
  spec: EndpointSpec
  breaker: Breaker
  health: EndpointHealth
  /** Whether its agent was there when it was last looked at. */
  present: boolean | undefined
  /** Of smooth weighted round-robin: what it is owed. */
  current: number
  averageMs: number | undefined
}

/** No more are ejected once this part of a tunnel's endpoints is out, or all but one. */
const EJECTED_SHARE = 0.5
const AVERAGE_OVER = 16

/**
 * Chooses where a request goes: of the lowest priority that has a usable endpoint, by weight. Unhealthy ones, those that kept failing
 * and those without their agent are left out; when nothing else is there, the first two are used anyway.
 */
export class Balance {
  readonly #options: BalanceOptions
  readonly #settings: BreakerSettings
  /** By priority. */
  #members: Member[] = []

  constructor(options: BalanceOptions) {
    this.#options = options
    this.#settings = { ...BREAKER, ...options.breaker }
  }

  /** From now on it chooses among these; what is known of one stays while its address does. */
  apply(endpoints: readonly EndpointSpec[]): void {
    const known = new Map(this.#members.map((member) => [member.spec.id, member]))
    this.#members = endpoints
      .map((spec) => {
        const member = known.get(spec.id)
        const isSame = member?.spec.url === spec.url && member.spec.agent === spec.agent
        if (!isSame) return this.#newMember(spec)
        member.spec = spec
        // Nobody would ever say that it is well again.
        if (!spec.healthCheck) this.health(spec.id, 'unknown')
        return member
      })
      .toSorted((one, other) => one.spec.priority - other.spec.priority)
  }

  /** The next endpoint; undefined when no agent that leads to one is here, or all were tried. */
  choose({ has, not }: Wanted): EndpointSpec | undefined {
    const chosen = this.#chooseMember(has, not)
    chosen?.breaker.chosen()
    return chosen?.spec
  }

  /** Whether there is one to choose. */
  hasChoice({ has, not }: Wanted): boolean {
    return this.#members.some(({ spec }) => has(spec.agent) && !not?.has(spec.id))
  }

  /** An answer has begun `ms` after the request was given away. Whoever only says that nobody is there has failed. */
  answered(id: string, status: number, ms: number): void {
    if (status >= 502 && status <= 504) this.failed(id, `answered ${status}`)
    else this.succeeded(id, ms)
  }

  /** It was reached, `ms` after it was asked. */
  succeeded(id: string, ms: number): void {
    const member = this.#find(id)
    if (!member) return
    member.breaker.succeeded()
    member.averageMs ??= ms
    member.averageMs += (ms - member.averageMs) / AVERAGE_OVER
  }

  /** `why` is told to the owner. */
  failed(id: string, why: string): void {
    this.#find(id)?.breaker.failed(why, () => this.#mayEject())
  }

  /** A request that was given to it has ended without saying anything of it: its visitor left. */
  abandoned(id: string): void {
    this.#find(id)?.breaker.abandoned()
  }

  /** As its agent has found it; of one that is not asked, what was said before says nothing. */
  health(id: string, said: EndpointHealth): void {
    const member = this.#find(id)
    const health = member?.spec.healthCheck ? said : 'unknown'
    if (!member || member.health === health) return
    if (member.health === 'unhealthy') member.breaker.returned()
    if (health === 'healthy') member.breaker.hopeful()
    member.health = health
  }

  states(): EndpointState[] {
    return this.#members.map(({ spec, breaker, health, averageMs }) => ({
      ...{ id: spec.id, health, ...breaker.figures, warmth: breaker.warmth },
      ...(averageMs !== undefined && { averageMs }),
    }))
  }

  /** The state of one breaker, for the record of a decision. */
  breakerOf(id: string): BreakerState | undefined {
    return this.#find(id)?.breaker.state
  }

  #chooseMember(has: Wanted['has'], not: Wanted['not']): Member | undefined {
    const here = this.#members.filter((member) => {
      return this.#notePresence(member, has(member.spec.agent)) && !not?.has(member.spec.id)
    })
    const usable = here.filter((member) => isUsable(member))
    return (
      ofFirstPriority(usable.filter((member) => this.#takesShare(member))) ??
      ofFirstPriority(usable) ??
      ofFirstPriority(here)
    )
  }

  #newMember(spec: EndpointSpec): Member {
    const { clock, random = Math.random } = this.#options
    const breaker = new Breaker(clock, random, this.#settings)
    return {
      spec,
      breaker,
      health: 'unknown',
      present: undefined,
      current: 0,
      averageMs: undefined,
    }
  }

  #find(id: string): Member | undefined {
    return this.#members.find(({ spec }) => spec.id === id)
  }

  #notePresence(member: Member, present: boolean): boolean {
    if (present && member.present === false) member.breaker.returned()
    member.present = present
    return present
  }

  /** Weight 0 takes nothing, unless all of its priority have it. */
  #takesShare({ spec }: Member): boolean {
    if (spec.weight > 0) return true
    return this.#members.every(
      (other) => other.spec.priority !== spec.priority || other.spec.weight === 0,
    )
  }

  #mayEject(): boolean {
    const count = this.#members.length
    const out = this.#members.filter(({ breaker, health }) => {
      return breaker.state !== 'closed' || health === 'unhealthy'
    })
    return out.length < Math.min(count - 1, Math.ceil(count * EJECTED_SHARE))
  }
}

function isUsable({ health, breaker }: Member): boolean {
  return health !== 'unhealthy' && breaker.lets
}

/** Smooth weighted round-robin: all are owed their weight, who is owed most takes the turn and pays for all. */
function ofFirstPriority(members: readonly Member[]): Member | undefined {
  const priority = members[0]?.spec.priority
  let total = 0
  let chosen: Member | undefined
  for (const member of members) {
    if (member.spec.priority !== priority) break
    const weight = (member.spec.weight || 1) * member.breaker.warmth
    member.current += weight
    total += weight
    if (!chosen || member.current > chosen.current) chosen = member
  }
  if (chosen) chosen.current -= total
  return chosen
}
