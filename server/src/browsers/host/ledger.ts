/** What a slot is doing. All of them take a place; a slot that waits for another's place takes none yet. */
export type SlotState = 'warming' | 'ready' | 'claiming' | 'claimed' | 'ending'

export type SlotCounts = Record<SlotState, number>

/** A step that the ledger does not allow. Nothing has changed. */
export class LedgerRefusal extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LedgerRefusal'
  }
}

/** What each step may leave. */
const STEPS = {
  ready: ['warming'],
  claiming: ['warming', 'ready'],
  claimed: ['claiming'],
  ending: ['warming', 'ready', 'claiming', 'claimed'],
} as const satisfies Partial<Record<SlotState, readonly SlotState[]>>

/**
 * Alone decides how many slots this machine has and what each is doing. A place is given to one slot at a time and comes back
 * only by `free`; no step makes more slots than there are places.
 */
export class Ledger {
  readonly #states = new Map<string, SlotState>()
  /** Slots that get the place of another once that is free: by the id of the one that ends. */
  readonly #heirs = new Map<string, string>()
  #max: number
  #draining = false

  constructor(max: number) {
    this.#max = max
  }

  get max(): number {
    return this.#max
  }

  /** Fewer than there are slots ends none: the next ones find no place until enough are free. */
  set max(max: number) {
    this.#max = max
  }

  get draining(): boolean {
    return this.#draining
  }

  get size(): number {
    return this.#states.size
  }

  get hasRoom(): boolean {
    return this.size < this.#max
  }

  get counts(): SlotCounts {
    const counts = { warming: 0, ready: 0, claiming: 0, claimed: 0, ending: 0 }
    for (const state of this.#states.values()) counts[state] += 1
    return counts
  }

  state(id: string): SlotState | undefined {
    return this.#states.get(id)
  }

  /** Whether the slot waits for the place of another. */
  isWaiting(id: string): boolean {
    return [...this.#heirs.values()].includes(id)
  }

  /** From now on no slot begins and none is claimed; those that are claimed go on. */
  drain(): void {
    this.#draining = true
  }

  /** Takes new sessions again. */
  resume(): void {
    this.#draining = false
  }

  /** A new slot that nobody has asked for yet. */
  warm(id: string): void {
    this.#begin(id, 'warming')
  }

  /** A new slot for a session. */
  begin(id: string): void {
    this.#begin(id, 'claiming')
  }

  /** A slot that an earlier process had claimed; while draining too, since its session lives already. */
  adopt(id: string): void {
    this.#demandRoom(id)
    this.#states.set(id, 'claimed')
  }

  ready(id: string): void {
    this.#step(id, 'ready')
  }

  /** Gives a warm slot, or one that is still warming, to one session. */
  claim(id: string): void {
    this.#demandOpen()
    this.#step(id, 'claiming')
  }

  settle(id: string): void {
    this.#step(id, 'claimed')
  }

  end(id: string): void {
    this.#step(id, 'ending')
  }

  /** Ends a slot that nobody has claimed, and keeps its place for a new one. */
  replace(victim: string, heir: string): void {
    this.#demandOpen()
    this.#demandUnknown(heir)
    const state = this.state(victim)
    if (state !== 'warming' && state !== 'ready') this.#refuse(victim, 'replaced')
    if (this.size > this.#max) throw new LedgerRefusal('there are more slots than places')
    this.#step(victim, 'ending')
    this.#heirs.set(victim, heir)
  }

  /** The heir no longer wants the place. */
  forgo(heir: string): void {
    const victim = [...this.#heirs].find(([, waiting]) => waiting === heir)?.[0]
    if (victim === undefined) throw new LedgerRefusal(`${heir} waits for no place`)
    this.#heirs.delete(victim)
  }

  /** Nothing is left of the slot: its place goes to its heir, or is free. */
  free(id: string): void {
    if (this.state(id) !== 'ending') this.#refuse(id, 'freed')
    this.#states.delete(id)
    const heir = this.#heirs.get(id)
    this.#heirs.delete(id)
    if (heir !== undefined) this.#states.set(heir, 'claiming')
  }

  #begin(id: string, state: 'warming' | 'claiming'): void {
    this.#demandOpen()
    this.#demandRoom(id)
    this.#states.set(id, state)
  }

  #step(id: string, to: keyof typeof STEPS): void {
    const from: readonly SlotState[] = STEPS[to]
    const state = this.state(id)
    if (state === undefined || !from.includes(state)) this.#refuse(id, to)
    this.#states.set(id, to)
  }

  #demandOpen(): void {
    if (this.#draining) throw new LedgerRefusal('the machine is draining')
  }

  #demandRoom(id: string): void {
    this.#demandUnknown(id)
    if (!this.hasRoom) throw new LedgerRefusal(`all ${this.#max} places are taken`)
  }

  #demandUnknown(id: string): void {
    if (this.#states.has(id) || this.isWaiting(id)) throw new LedgerRefusal(`${id} is known`)
  }

  #refuse(id: string, to: string): never {
    throw new LedgerRefusal(`${id} is ${this.state(id) ?? 'unknown'} and cannot be ${to}`)
  }
}
