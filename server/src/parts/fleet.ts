import { allows } from '#access/index.ts'
import {
  type BrowserRuntime,
  endSessionsOf,
  generationsOf,
  sessionsToEnd,
  waitingLoad,
} from '#browsers/index.ts'
import {
  type Ec2Options,
  type FleetParts,
  openEc2,
  openKubernetes,
  openLocal,
  type Provider,
  type ProviderName,
} from '#fleet/index.ts'
import { accountOfUser, preferencesOf, publicKeys } from '#identity/index.ts'
import { type Config, ec2Regions } from '#kernel/config.ts'
import { valuesIn } from '#kernel/regional.ts'
import type { Core } from './core.ts'
import { openNodeProcesses } from './node-processes.ts'

/** What the fleet works with: the providers that are set up, and what it has to know of sessions. */
export function openFleetParts(core: Core, runtime: () => BrowserRuntime | undefined): FleetParts {
  const { db, keyring } = core
  const known = () => {
    const found = runtime()
    if (!found) throw new Error('sessions are known in a process of the API only')
    return found
  }
  return {
    providers: openProviders(core),
    joinSecret: keyring.derive('join tokens'),
    publicKeys: () => publicKeys(db),
    load: waitingLoad,
    sessionsToEnd: (ctx, instanceId, ids) => sessionsToEnd(ctx, known(), instanceId, ids),
    generationsOf,
    endSessions: (ctx, instanceId) => endSessionsOf(ctx, runtime(), instanceId),
    accountOf: accountOfUser,
    preferencesOf: async (ctx, userId) => (await preferencesOf(ctx, userId)).ec2,
    allows,
  }
}

function openProviders(core: Core): Map<ProviderName, Provider> {
  const { config, home, log } = core
  const mayStart = config.LOCAL_NODES === 'on'
  const processes = openNodeProcesses({
    ...{ config, home, log: log.category('fleet') },
    keeps: mayStart && config.ROLES.includes('worker'),
    controlPlaneUrl: () => nearUrl(config, core.url),
  })
  const { KUBERNETES_NAMESPACE: namespace, KUBERNETES_DEPLOYMENT: deployment } = config
  const ec2 = ec2Options(core)
  return new Map<ProviderName, Provider>([
    ['local', openLocal(processes, mayStart)],
    ...(ec2 ? [['ec2', openEc2(ec2)] as const] : []),
    ...(deployment ? [['kubernetes', openKubernetes({ namespace, deployment })] as const] : []),
  ])
}

/** Nothing without a region and something to launch in it. */
function ec2Options({ config, keyring, url }: Core): Ec2Options | undefined {
  const regions = ec2Regions(config).map((region) => regionSetting(config, region))
  if (!regions.some(({ imageId, launchTemplate }) => imageId ?? launchTemplate)) return undefined
  const id = config.AWS_ACCESS_KEY_ID
  return {
    regions,
    installationId: keyring.mac('installation', 'fleet').toString('hex').slice(0, 16),
    ...(config.EC2_ENDPOINT && { endpoint: config.EC2_ENDPOINT }),
    ...(id && {
      credentials: { accessKeyId: id, secretAccessKey: config.AWS_SECRET_ACCESS_KEY! },
    }),
    ...(config.EC2_INSTANCE_PROFILE && { instanceProfile: config.EC2_INSTANCE_PROFILE }),
    ...{ instanceTypes: config.EC2_INSTANCE_TYPES, tags: config.EC2_TAGS },
    controlPlaneUrl: config.PUBLIC_URL ?? url,
  }
}

function regionSetting(config: Config, region: string): Ec2Options['regions'][number] {
  const [imageId] = valuesIn(region, config.EC2_AMI)
  const [launchTemplate] = valuesIn(region, config.EC2_LAUNCH_TEMPLATE)
  return {
    region,
    ...(imageId && { imageId }),
    ...(launchTemplate && { launchTemplate }),
    subnets: valuesIn(region, config.EC2_SUBNETS),
    securityGroups: valuesIn(region, config.EC2_SECURITY_GROUPS),
  }
}

/** Where a process of this machine reaches the API: not by way of the internet, unless the certificate is for there. */
function nearUrl({ PUBLIC_URL, TLS_CERT_FILE, HOST, PORT }: Config, url: string): string {
  const every = HOST === '0.0.0.0' || HOST === '::'
  const host = every ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST
  const near = PORT === 0 ? undefined : `http://${host}:${PORT}`
  const found = TLS_CERT_FILE ? (PUBLIC_URL ?? url) : (near ?? url)
  if (found) return found
  throw new Error('set PORT or PUBLIC_URL: a node has to be told where the API is')
}
