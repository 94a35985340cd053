import type { _InstanceType, RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import type { LaunchSpec } from './provider.ts'
import { userData } from './user-data.ts'

/** What holds in every region. */
interface Everywhere {
  /** Of this Gantry: the value of the tag by which it knows its machines. */
  installationId: string
  /** Of an emulator, or a private one. */
  endpoint?: string
  /** The SDK's chain when absent. */
  credentials?: { accessKeyId: string; secretAccessKey: string }
  /** In the order of preference; the launch template's when empty. */
  instanceTypes: readonly string[]
  /** Name or ARN. */
  instanceProfile?: string
  /** More tags for each machine. */
  tags: Readonly<Record<string, string>>
  /** Where the nodes reach their control plane. */
  controlPlaneUrl: string
  /** Longest time for one try of a call, in milliseconds. */
  attemptMs?: number
}

/** What exists in one region only. */
export interface RegionSetting {
  region: string
  imageId?: string
  /** `lt-…` or a name, with `:version` behind it; the default version otherwise. */
  launchTemplate?: string
  /** In the order of preference; EC2's choice when empty. */
  subnets: readonly string[]
  securityGroups: readonly string[]
}

export interface Ec2Options extends Everywhere {
  /** At least one; the first is where machines are launched that are not wanted elsewhere. */
  regions: readonly RegionSetting[]
}

export type RegionOptions = Everywhere & RegionSetting

/** Its value is the id of the installation: what does not carry it is nobody's business. */
export const MANAGED_TAG = 'gantry:managed'

export interface Choice {
  index: number
  instanceType?: string
  subnet?: string
}

/** Every type in every subnet, the preferred type first: a lack is one of a type in a zone. */
export function combinations(options: RegionOptions, spec: LaunchSpec): Choice[] {
  const types = spec.instanceType ? [spec.instanceType] : orNothing(options.instanceTypes)
  const pairs = types.flatMap((instanceType) =>
    orNothing(options.subnets).map((subnet) => ({ instanceType, subnet })),
  )
  return pairs.map(({ instanceType, subnet }, index) => ({
    index,
    ...(instanceType && { instanceType }),
    ...(subnet && { subnet }),
  }))
}

function orNothing(items: readonly string[]): readonly (string | undefined)[] {
  return items.length > 0 ? items : [undefined]
}

/** The token is of the id and the choice: the same launch, sent twice, makes one machine. */
export function launchInput(
  options: RegionOptions,
  spec: LaunchSpec,
  { index, instanceType, subnet }: Choice,
): RunInstancesCommandInput {
  const Tags = tagsOf(options, spec)
  const { controlPlaneUrl: url } = options
  const { joinToken, instanceId, purpose } = spec
  const script = userData({ url, joinToken, instanceId, purpose })
  return {
    ...imageOf(options),
    ...(instanceType && { InstanceType: instanceType as _InstanceType }),
    ...(subnet && { SubnetId: subnet }),
    ...(options.securityGroups.length > 0 && { SecurityGroupIds: [...options.securityGroups] }),
    ...(options.instanceProfile && { IamInstanceProfile: profileOf(options.instanceProfile) }),
    ...(spec.spot && { InstanceMarketOptions: SPOT }),
    MinCount: 1,
    MaxCount: 1,
    ClientToken: `${spec.instanceId}-${index}`,
    UserData: Buffer.from(script).toString('base64'),
    // Version 1 of the metadata service would hand the machine's credentials to whoever can make it fetch an address.
    MetadataOptions: {
      HttpTokens: 'required',
      HttpEndpoint: 'enabled',
      HttpPutResponseHopLimit: 1,
    },
    InstanceInitiatedShutdownBehavior: 'terminate',
    TagSpecifications: [
      { ResourceType: 'instance', Tags },
      { ResourceType: 'volume', Tags },
    ],
  }
}

const SPOT = {
  MarketType: 'spot',
  SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
} as const

function imageOf({ imageId, launchTemplate }: RegionOptions): Partial<RunInstancesCommandInput> {
  const [template = '', version = '$Default'] = launchTemplate?.split(':') ?? []
  const name = template.startsWith('lt-')
    ? { LaunchTemplateId: template }
    : { LaunchTemplateName: template }
  return {
    ...(imageId && { ImageId: imageId }),
    ...(template && { LaunchTemplate: { ...name, Version: version } }),
  }
}

function profileOf(profile: string) {
  return profile.startsWith('arn:') ? { Arn: profile } : { Name: profile }
}

function tagsOf({ installationId, tags }: RegionOptions, spec: LaunchSpec) {
  const all = {
    Name: `gantry ${spec.instanceId}`,
    ...tags,
    ...spec.tags,
    [MANAGED_TAG]: installationId,
    'gantry:instance': spec.instanceId,
    'gantry:purpose': spec.purpose,
  }
  return Object.entries(all).map(([Key, Value]) => ({ Key, Value }))
}
