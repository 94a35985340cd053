import type { HostFull } from './host-full.ts'
import { type MachineFacts, readMachine } from './machine.ts'

export interface AdmissionOptions {
  /** What one browser needs to start and show a page. */
  browserBytes: number
  /** What is to stay free beside all browsers. */
  reserveBytes: number
  /** Above this load for each core no browser is launched. */
  maxLoadPerCore: number
  /** Looks at the machine. */
  probe: () => MachineFacts
  /** What one session needs on the disk to begin with, its profile above all. */
  diskBytes: number
  /** What is to stay free beside that. */
  diskReserveBytes: number
  /** What is free for sessions on their file system; everything where that is not known. */
  probeDisk: () => number
}

const MIB = 1024 * 1024
const USUAL: AdmissionOptions = {
  browserBytes: 250 * MIB,
  reserveBytes: 256 * MIB,
  // Far above what a burst of launches comes to: only a machine that has come to a standstill refuses.
  maxLoadPerCore: 25,
  probe: readMachine,
  diskBytes: 256 * MIB,
  diskReserveBytes: 256 * MIB,
  probeDisk: () => Infinity,
}

/** Whether this machine can carry one more browser, by its memory, its disk and its load. */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: Partial<AdmissionOptions> = {}) {
    this.#options = { ...USUAL, ...options }
  }

  facts(): MachineFacts {
    return this.#options.probe()
  }

  /** How many more it could carry now. */
  room(starting: number): number {
    const { browserBytes, reserveBytes, maxLoadPerCore } = this.#options
    const { memoryAvailableBytes, load, cores } = this.facts()
    if (load > maxLoadPerCore * cores) return 0
    const browsers = Math.floor((memoryAvailableBytes - reserveBytes) / browserBytes)
    return Math.max(0, Math.min(browsers, this.#diskRoom()) - starting)
  }

  /** Why not, if so. Browsers that are `starting` will take memory that is still counted as free. */
  refusal(starting: number): (HostFull['reason'] & ('memory' | 'disk' | 'cpu')) | undefined {
    const { browserBytes, reserveBytes, maxLoadPerCore } = this.#options
    const { memoryAvailableBytes, load, cores } = this.facts()
    if (memoryAvailableBytes < browserBytes * (starting + 1) + reserveBytes) return 'memory'
    if (this.isDiskFull(starting)) return 'disk'
    return load > maxLoadPerCore * cores ? 'cpu' : undefined
  }

  /** Whether one more session would have too little to begin with. Those that are `starting` have yet to take theirs. */
  isDiskFull(starting: number): boolean {
    return this.#diskRoom() < starting + 1
  }

  #diskRoom(): number {
    const { diskBytes, diskReserveBytes, probeDisk } = this.#options
    return Math.floor((probeDisk() - diskReserveBytes) / diskBytes)
  }
}
