import type { Ec2Options, RegionSetting } from './ec2-launch.ts'
import { Ec2Region } from './ec2-region.ts'
import {
  type LaunchSpec,
  type Listing,
  type Machine,
  type MachineProvider,
  type MachineRef,
  ProviderFailure,
} from './provider.ts'

export type { Ec2Options } from './ec2-launch.ts'

/** With several regions, one that does not answer holds up the others no longer than this. */
const LIST_MS = 30_000
const REGION = /^[a-z0-9-]{2,32}$/

/** Machines of EC2 in all its regions. Nothing is done to a machine without our tag, also when its id is given. */
export function openEc2(options: Ec2Options): MachineProvider {
  return new Ec2(options)
}

class Ec2 implements MachineProvider {
  readonly kind = 'machines'
  readonly name = 'ec2'
  readonly refuses: MachineProvider['refuses']
  readonly regions: readonly string[]
  readonly #options: Ec2Options
  readonly #opened = new Map<string, Ec2Region>()

  constructor(options: Ec2Options) {
    this.#options = options
    this.regions = options.regions.map(({ region }) => region)
    const hasImage = options.regions.some((one) => one.imageId ?? one.launchTemplate)
    this.refuses = hasImage ? {} : { launch: 'neither EC2_AMI nor EC2_LAUNCH_TEMPLATE is set' }
  }

  async launch(spec: LaunchSpec, signal: AbortSignal): Promise<Machine> {
    const region = spec.region ?? this.regions[0]!
    if (this.regions.includes(region)) return this.#in(region).launch(spec, signal)
    const those = this.regions.join(', ')
    throw new ProviderFailure('refused', `EC2: ${region} is not configured; these are: ${those}`)
  }

  /** What the regions list that answer. @throws ProviderFailure when none does */
  async list(signal: AbortSignal): Promise<Listing> {
    const { regions } = this
    const inTime =
      regions.length > 1 ? AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)]) : signal
    const answers = await Promise.all(regions.map((region) => this.#listed(region, inTime)))
    const heard = answers.filter((answer) => 'machines' in answer)
    const failures = answers.flatMap((answer) => ('failure' in answer ? [answer.failure] : []))
    if (heard.length === 0) throw failures[0]!
    const machines = heard.flatMap((answer) => answer.machines)
    return { machines, failures, heard: heard.map(({ region }) => region) }
  }

  async describe({ providerId, region }: MachineRef, signal: AbortSignal) {
    return this.#in(region).describe(providerId, signal)
  }

  async restart({ providerId, region }: MachineRef, signal: AbortSignal): Promise<void> {
    await this.#in(region).restart(providerId, signal)
  }

  async terminate({ providerId, region }: MachineRef, signal: AbortSignal): Promise<void> {
    await this.#in(region).terminate(providerId, signal)
  }

  close(): void {
    for (const region of this.#opened.values()) region.close()
  }

  async #listed(
    region: string,
    signal: AbortSignal,
  ): Promise<{ region: string; machines: Machine[] } | { failure: ProviderFailure }> {
    try {
      return { region, machines: await this.#in(region).list(signal) }
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error
      const { reason, message, cause } = error
      return { failure: new ProviderFailure(reason, `${region}: ${message}`, cause) }
    }
  }

  /** A region that is no longer configured launches nothing, but what runs in it can still be asked for and ended. */
  #in(region = this.regions[0]!): Ec2Region {
    const { regions, ...everywhere } = this.#options
    const nothing: RegionSetting = { region, subnets: [], securityGroups: [] }
    const setting = regions.find((one) => one.region === region) ?? nothing
    if (!REGION.test(region)) throw new ProviderFailure('refused', 'EC2: that is no region')
    const opened = this.#opened.get(region) ?? new Ec2Region({ ...everywhere, ...setting })
    this.#opened.set(region, opened)
    return opened
  }
}
