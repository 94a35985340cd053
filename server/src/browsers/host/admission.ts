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
}

const MIB = 1024 * 1024
const USUAL: AdmissionOptions = {
  browserBytes: 250 * MIB,
  reserveBytes: 256 * MIB,
  // Far above what a burst of launches comes to: only a machine that has come to a standstill refuses.
  maxLoadPerCore: 25,
  probe: readMachine,
}

/** Whether this machine can carry one more browser, by its memory and its load. */
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
    return Math.max(0, browsers - starting)
  }

  /** Why not, if so. Browsers that are `starting` will take memory that is still counted as free. */
  refusal(starting: number): (HostFull['reason'] & ('memory' | 'cpu')) | undefined {
    const { browserBytes, reserveBytes, maxLoadPerCore } = this.#options
    const { memoryAvailableBytes, load, cores } = this.facts()
    if (memoryAvailableBytes < browserBytes * (starting + 1) + reserveBytes) return 'memory'
    return load > maxLoadPerCore * cores ? 'cpu' : undefined
  }
}
