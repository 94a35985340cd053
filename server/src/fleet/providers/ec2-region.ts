import type {
  DescribeInstancesCommandInput,
  DescribeInstanceStatusCommandOutput,
  EC2Client,
  Instance,
  RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { combinations, launchInput, MANAGED_TAG, type RegionOptions } from './ec2-launch.ts'
import { failureOf, isGone } from './ec2-failures.ts'
import { machineOf } from './ec2-machine.ts'
import { type LaunchSpec, type Machine, ProviderFailure } from './provider.ts'

/** One attempt, and a call with all its attempts. */
const ATTEMPT_MS = 20_000
const CALL_MS = 60_000
const ATTEMPTS = 5
const PAGE = 1000
const MOST_PAGES = 100
/** As many ids as one call for their status takes. */
const STATUS_PAGE = 100

type Sdk = typeof import('@aws-sdk/client-ec2')

/** The machines of one region. The SDK is loaded at the first call. */
export class Ec2Region {
  readonly #options: RegionOptions
  #opened: Promise<{ sdk: Sdk; client: EC2Client; launcher: EC2Client }> | undefined

  constructor(options: RegionOptions) {
    this.#options = options
  }

  /** Finds what an earlier try of this id has launched; else tries one pair of type and subnet after the other. */
  async launch(spec: LaunchSpec, signal: AbortSignal): Promise<Machine> {
    const [there] = await this.#describe(
      { Filters: [this.#ours(), { Name: 'tag:gantry:instance', Values: [spec.instanceId] }] },
      signal,
    )
    if (there && there.state !== 'gone') return there
    let last: ProviderFailure | undefined
    for (const choice of combinations(this.#options, spec)) {
      try {
        return await this.#run(launchInput(this.#options, spec, choice), signal)
      } catch (error) {
        if (!(error instanceof ProviderFailure) || error.reason !== 'capacity') throw error
        last = error
      }
    }
    throw last!
  }

  async list(signal: AbortSignal): Promise<Machine[]> {
    const machines = await this.#describe({ Filters: [this.#ours()] }, signal)
    return this.#withHealth(machines, signal)
  }

  async describe(providerId: string, signal: AbortSignal): Promise<Machine | undefined> {
    const [instance] = await this.#withId(providerId, signal)
    if (!instance || !this.#isOurs(instance)) return undefined
    const [machine] = await this.#withHealth([this.#machine(instance)], signal)
    return machine
  }

  async restart(providerId: string, signal: AbortSignal): Promise<void> {
    if (!(await this.#checkOurs(providerId, signal))) {
      throw new ProviderFailure('refused', `EC2 has no instance ${providerId}`)
    }
    await this.#call(signal, ({ sdk, client }, options) =>
      client.send(new sdk.RebootInstancesCommand({ InstanceIds: [providerId] }), options),
    )
  }

  async terminate(providerId: string, signal: AbortSignal): Promise<void> {
    if (!(await this.#checkOurs(providerId, signal))) return
    await this.#call(signal, ({ sdk, client }, options) =>
      client.send(new sdk.TerminateInstancesCommand({ InstanceIds: [providerId] }), options),
    )
  }

  close(): void {
    void this.#opened?.then(({ client, launcher }) => {
      client.destroy()
      launcher.destroy()
    })
  }

  async #run(input: RunInstancesCommandInput, signal: AbortSignal): Promise<Machine> {
    const { Instances } = await this.#call(signal, ({ sdk, launcher }, options) =>
      launcher.send(new sdk.RunInstancesCommand(input), options),
    )
    const instance = Instances?.[0]
    if (!instance) throw new ProviderFailure('unavailable', 'EC2 launched nothing and said nothing')
    return this.#machine(instance)
  }

  /** Whether it is there and ours. @throws ProviderFailure `not_ours` */
  async #checkOurs(providerId: string, signal: AbortSignal): Promise<boolean> {
    const [instance] = await this.#withId(providerId, signal)
    if (instance && !this.#isOurs(instance)) {
      throw new ProviderFailure('not_ours', `${providerId} does not carry the tag of this Gantry`)
    }
    return instance !== undefined
  }

  async #withId(providerId: string, signal: AbortSignal): Promise<Instance[]> {
    try {
      const reply = await this.#call(signal, ({ sdk, client }, options) =>
        client.send(new sdk.DescribeInstancesCommand({ InstanceIds: [providerId] }), options),
      )
      return (reply.Reservations ?? []).flatMap(({ Instances = [] }) => Instances)
    } catch (error) {
      if (error instanceof ProviderFailure && isGone(error.cause)) return []
      throw error
    }
  }

  async #describe(input: DescribeInstancesCommandInput, signal: AbortSignal): Promise<Machine[]> {
    const found: Machine[] = []
    let next: string | undefined
    for (let page = 0; page < MOST_PAGES; page++) {
      const reply = await this.#call(signal, ({ sdk, client }, options) =>
        client.send(
          new sdk.DescribeInstancesCommand({ ...input, MaxResults: PAGE, NextToken: next }),
          options,
        ),
      )
      const instances = (reply.Reservations ?? []).flatMap(({ Instances = [] }) => Instances)
      const ours = instances.filter((instance) => this.#isOurs(instance))
      found.push(...ours.map((instance) => this.#machine(instance)))
      next = reply.NextToken
      if (!next) return found
    }
    throw new ProviderFailure('refused', `EC2 lists more than ${MOST_PAGES * PAGE} machines`)
  }

  async #withHealth(machines: Machine[], signal: AbortSignal): Promise<Machine[]> {
    const running = machines.filter(({ state }) => state === 'running')
    const health = new Map<string, Machine['health']>()
    for (let from = 0; from < running.length; from += STATUS_PAGE) {
      const ids = running.slice(from, from + STATUS_PAGE).map(({ providerId }) => providerId)
      for (const [id, word] of await this.#statuses(ids, signal)) health.set(id, word)
    }
    return machines.map((machine) => {
      const word = health.get(machine.providerId)
      return word ? { ...machine, health: word } : machine
    })
  }

  async #statuses(ids: string[], signal: AbortSignal): Promise<[string, Machine['health']][]> {
    const reply: DescribeInstanceStatusCommandOutput | undefined = await this.#call(
      signal,
      ({ sdk, client }, options) =>
        client.send(new sdk.DescribeInstanceStatusCommand({ InstanceIds: ids }), options),
    ).catch((error: unknown) => {
      // One that EC2 has forgotten since it listed it: the next list is without it.
      if (error instanceof ProviderFailure && isGone(error.cause)) return undefined
      throw error
    })
    return (reply?.InstanceStatuses ?? []).map((status) => {
      const words = [status.InstanceStatus?.Status, status.SystemStatus?.Status]
      if (words.includes('impaired')) return [status.InstanceId!, 'unhealthy']
      return [status.InstanceId!, words.every((word) => word === 'ok') ? 'healthy' : undefined]
    })
  }

  async #call<Reply>(
    signal: AbortSignal,
    send: (
      opened: { sdk: Sdk; client: EC2Client; launcher: EC2Client },
      options: { abortSignal: AbortSignal },
    ) => Promise<Reply>,
  ): Promise<Reply> {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)])
    try {
      return await send(await this.#open(), { abortSignal })
    } catch (error) {
      throw failureOf(error)
    }
  }

  #open() {
    return (this.#opened ??= import('@aws-sdk/client-ec2').then((sdk) => {
      const { region, endpoint, credentials } = this.#options
      const settings = {
        region,
        ...(endpoint && { endpoint }),
        ...(credentials && { credentials }),
        requestHandler: {
          requestTimeout: this.#options.attemptMs ?? ATTEMPT_MS,
          throwOnRequestTimeout: true,
        },
      }
      return {
        sdk,
        client: new sdk.EC2Client({ ...settings, maxAttempts: ATTEMPTS }),
        // A lack of machines comes as a server error, which the SDK would try again and again: the job that launches does that.
        launcher: new sdk.EC2Client({ ...settings, maxAttempts: 1 }),
      }
    }))
  }

  #ours() {
    return { Name: `tag:${MANAGED_TAG}`, Values: [this.#options.installationId] }
  }

  #isOurs({ Tags = [] }: Instance): boolean {
    const { installationId } = this.#options
    return Tags.some(({ Key, Value }) => Key === MANAGED_TAG && Value === installationId)
  }

  #machine(instance: Instance): Machine {
    return machineOf(instance, this.#options.region)
  }
}
