import { randomBytes } from 'node:crypto'
import type { Admission } from './admission.ts'
import { HostFull } from './host-full.ts'
import { type Identity, identityKey } from './identity.ts'
import { Ledger, type SlotState } from './ledger.ts'
import { Slot } from './slot.ts'
import type { LiveRecord } from './slot-file.ts'
import type { Surroundings } from './surroundings.ts'
import { type WipeReport, isClean } from './wipe.ts'

interface SlotsOptions {
  max: number
  around: Surroundings
  admission: Admission
  /** Told whenever a place has come free. */
  onFree: () => void
}

/** All slots of this process. What each is doing stands in the ledger; here are the steps from one to the next. */
export class Slots {
  readonly ledger: Ledger
  readonly #all = new Map<string, Slot>()
  readonly #around: Surroundings
  readonly #admission: Admission

  readonly #onFree: () => void

  constructor({ max, around, admission, onFree }: SlotsOptions) {
    this.ledger = new Ledger(max)
    this.#around = around
    this.#admission = admission
    this.#onFree = onFree
  }

  [Symbol.iterator](): Iterator<Slot> {
    return this.#all.values()
  }

  has(id: string): boolean {
    return this.#all.has(id)
  }

  /** Sessions that would get one now: idle browsers, and new ones as far as there are places and the machine has room. */
  get free(): number {
    const { max, draining, size, counts } = this.ledger
    if (draining || this.isDiskFull) return 0
    const idle = counts.ready + counts.warming
    const places = Math.max(0, max - size) + idle
    return Math.min(places, idle + this.#admission.room(counts.warming + counts.claiming))
  }

  /** Also a browser that is ready has its profile on the disk. */
  get isDiskFull(): boolean {
    return this.#admission.isDiskFull(this.ledger.counts.claiming)
  }

  /** Oldest first. */
  in(state: SlotState): Slot[] {
    return [...this.#all.values()].filter(({ id }) => this.ledger.state(id) === state)
  }

  /**
   * Finds a slot for a session: one whose browser is ready, else one whose browser is on its way, else a new one, for which an
   * idle browser of another identity may have to go first.
   *
   * @throws HostFull
   */
  take(identity: Identity): Slot {
    if (this.ledger.draining) throw new HostFull('draining')
    if (this.isDiskFull) throw new HostFull('disk')
    const warm = this.#fitting('ready', identity) ?? this.#fitting('warming', identity)
    if (!warm) return this.#begin(identity)
    this.ledger.claim(warm.id)
    return warm
  }

  /** Whether `take` would find one whose browser runs already. */
  isReady(identity: Identity): boolean {
    return !this.ledger.draining && this.#fitting('ready', identity) !== undefined
  }

  /** Whether there is a place for one more idle browser, and what it needs. */
  canWarm(): boolean {
    return !this.ledger.draining && this.ledger.hasRoom && !this.#refusal()
  }

  /** Launches a browser that nobody has asked for yet. A failed launch leaves nothing. @throws LaunchFailed */
  async warm(identity: Identity): Promise<void> {
    const slot = this.#make(identity)
    this.ledger.warm(slot.id)
    this.#all.set(slot.id, slot)
    try {
      await slot.start()
    } catch (error) {
      // Whoever has claimed it meanwhile ends it.
      if (this.ledger.state(slot.id) !== 'warming') return
      await this.end(slot)
      throw error
    }
    if (this.ledger.state(slot.id) === 'warming') this.ledger.ready(slot.id)
  }

  /** A slot for a browser that an earlier process has launched, yet to be adopted. @throws HostFull */
  takeOver(record: LiveRecord): Slot {
    if (!this.ledger.hasRoom) throw new HostFull('count')
    const slot = this.#make(record.identity, record.slotId)
    this.ledger.adopt(slot.id)
    this.#all.set(slot.id, slot)
    return slot
  }

  /** Its session has got it; false when somebody has ended it meanwhile. */
  settle({ id }: Slot): boolean {
    if (this.ledger.state(id) !== 'claiming') return false
    this.ledger.settle(id)
    return true
  }

  /** Forgets a slot that could not be taken over; its browser, if it lives, is for `reap`. */
  drop(slot: Slot): void {
    this.ledger.end(slot.id)
    this.#free(slot)
  }

  /** Ends a browser in whatever state it is. Its place is free once nothing is left. */
  async end(slot: Slot): Promise<WipeReport> {
    const state = this.ledger.state(slot.id)
    if (state === undefined) this.#forgo(slot)
    else if (state !== 'ending') this.ledger.end(slot.id)
    const report = await slot.end()
    if (isClean(report)) this.#free(slot)
    return report
  }

  /** As `end`, for a browser that no session has: what is left of it is told in the log, and tried again later. */
  async endQuietly(slot: Slot): Promise<void> {
    await this.end(slot).catch((error: unknown) => {
      this.#around.log.error({ slot: slot.id, err: error }, 'an idle browser could not be ended')
    })
  }

  /** Ends every browser that no session has. */
  async endIdle(): Promise<void> {
    const idle = [...this.in('ready'), ...this.in('warming')]
    await Promise.all(idle.map((slot) => this.endQuietly(slot)))
  }

  /** Forgets all slots without ending them. */
  letGo(): Slot[] {
    const slots = [...this.#all.values()]
    this.#all.clear()
    return slots
  }

  #fitting(state: SlotState, identity: Identity): Slot | undefined {
    const wanted = identityKey(identity, this.#around.chromium.frame)
    return this.in(state).find(({ key }) => key === wanted)
  }

  #begin(identity: Identity): Slot {
    const refusal = this.ledger.hasRoom ? this.#refusal() : 'count'
    const idle = refusal && refusal !== 'cpu' ? this.#idle() : undefined
    if (refusal && !idle) throw new HostFull(refusal)
    const slot = this.#make(identity)
    if (idle) this.ledger.replace(idle.id, slot.id)
    else this.ledger.begin(slot.id)
    this.#all.set(slot.id, slot)
    void slot.start(idle && this.#makePlace(idle))
    return slot
  }

  /** One that can go so that another may come in its place. */
  #idle(): Slot | undefined {
    if (this.ledger.size > this.ledger.max) return undefined
    return this.in('ready')[0] ?? this.in('warming')[0]
  }

  async #makePlace(idle: Slot): Promise<void> {
    if (!isClean(await this.end(idle))) throw new HostFull('count')
  }

  #refusal() {
    const { warming, claiming } = this.ledger.counts
    return this.#admission.refusal(warming + claiming)
  }

  #make(identity: Identity, id = `slt_${randomBytes(16).toString('hex')}`): Slot {
    return new Slot(id, identity, this.#around)
  }

  #forgo(slot: Slot): void {
    if (this.ledger.isWaiting(slot.id)) this.ledger.forgo(slot.id)
  }

  #free(slot: Slot): void {
    if (this.#all.get(slot.id) !== slot) return
    this.#all.delete(slot.id)
    if (this.ledger.state(slot.id) === 'ending') this.ledger.free(slot.id)
    this.#onFree()
  }
}
