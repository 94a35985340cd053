import type * as K8s from '@kubernetes/client-node'
import { type Health, type Machine, ProviderFailure, type ScaledProvider } from './provider.ts'

export interface KubernetesOptions {
  namespace: string
  /** Name of the Deployment whose pods are nodes; it must carry the label `gantry.dev/pool=true`. */
  deployment: string
  /** A file; `KUBECONFIG`, `~/.kube/config` or the pod's own service account when absent. */
  kubeconfig?: string
}

const CALL_MS = 15_000
const PAGE = 500
const MOST_PAGES = 100
const LABEL = 'gantry.dev/pool'
/** The ReplicaSet controller ends the pods with the lowest cost first. */
const COST = 'controller.kubernetes.io/pod-deletion-cost'

type Client = typeof K8s
interface Opened {
  sdk: Client
  apps: K8s.AppsV1Api
  core: K8s.CoreV1Api
}

/** The pods of one Deployment. The client is loaded at the first call. */
export function openKubernetes(options: KubernetesOptions): ScaledProvider {
  const { namespace, deployment: name } = options
  let opened: Promise<Opened> | undefined
  const open = () => (opened ??= openClient(options))

  async function find(calls: Calls): Promise<K8s.V1Deployment> {
    const found = await calls.run(({ apps }, o) =>
      apps.readNamespacedDeployment({ namespace, name }, o),
    )
    if (found.metadata?.labels?.[LABEL] === 'true') return found
    const why = `the Deployment ${namespace}/${name} lacks the label ${LABEL}=true`
    throw new ProviderFailure('not_ours', why)
  }

  async function pods(calls: Calls): Promise<K8s.V1Pod[]> {
    const labelSelector = selectorOf(await find(calls))
    const items: K8s.V1Pod[] = []
    let next: string | undefined
    for (let page = 0; page < MOST_PAGES; page++) {
      const reply = await calls.run(({ core }, o) =>
        core.listNamespacedPod({ namespace, labelSelector, limit: PAGE, _continue: next }, o),
      )
      items.push(...reply.items)
      next = reply.metadata?._continue
      if (!next) return items
    }
    throw new ProviderFailure('refused', `${name} has more than ${MOST_PAGES * PAGE} pods`)
  }

  return {
    kind: 'scaled',
    name: 'kubernetes',
    refuses: { restart: 'a pod is replaced, not restarted: terminate the instance' },
    list: async (signal) => ({ machines: (await pods(new Calls(open, signal))).map(machineOf) }),
    describe: async ({ providerId }, signal) => {
      const machines = (await pods(new Calls(open, signal))).map(machineOf)
      return machines.find((pod) => pod.providerId === providerId)
    },
    restart: async () => {
      throw new ProviderFailure('refused', 'a pod is replaced, not restarted')
    },
    scale: async (wanted, unwanted, signal) => {
      const calls = new Calls(open, signal)
      const { spec } = await find(calls)
      if ((spec?.replicas ?? 1) === wanted) return
      for (const pod of unwanted) {
        const body = { metadata: { annotations: { [COST]: '-1000' } } }
        await calls.patch(({ core }, o) =>
          core.patchNamespacedPod({ namespace, name: pod, body }, o),
        )
      }
      const body = { spec: { replicas: wanted } }
      await calls.patch(({ apps }, o) =>
        apps.patchNamespacedDeploymentScale({ namespace, name, body }, o),
      )
    },
  }
}

/** The calls of one piece of work, each with its deadline. */
class Calls {
  readonly #open: () => Promise<Opened>
  readonly #signal: AbortSignal

  constructor(open: () => Promise<Opened>, signal: AbortSignal) {
    this.#open = open
    this.#signal = signal
  }

  async run<Reply>(
    send: (opened: Opened, options: K8s.ConfigurationOptions) => Promise<Reply>,
    contentType?: string,
  ): Promise<Reply> {
    try {
      const opened = await this.#open()
      return await send(opened, this.#options(opened.sdk, contentType))
    } catch (error) {
      throw failureOf(error)
    }
  }

  /** A pod that is gone needs no change. */
  async patch(send: Parameters<Calls['run']>[0]): Promise<void> {
    await this.run(send, 'application/merge-patch+json').catch((error: unknown) => {
      if (error instanceof ProviderFailure && codeOf(error.cause) === 404) return
      throw error
    })
  }

  #options(sdk: Client, contentType?: string) {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(CALL_MS)])
    const middleware: K8s.ObservableMiddleware = {
      pre: (request) => {
        request.setSignal(signal)
        if (contentType) request.setHeaderParam('Content-Type', contentType)
        return new sdk.Observable(Promise.resolve(request))
      },
      post: (response) => new sdk.Observable(Promise.resolve(response)),
    }
    return { middleware: [middleware], middlewareMergeStrategy: 'append' as const }
  }
}

async function openClient({ kubeconfig }: KubernetesOptions): Promise<Opened> {
  const sdk = await import('@kubernetes/client-node')
  const config = new sdk.KubeConfig()
  if (kubeconfig) config.loadFromFile(kubeconfig)
  else config.loadFromDefault()
  return {
    sdk,
    apps: config.makeApiClient(sdk.AppsV1Api),
    core: config.makeApiClient(sdk.CoreV1Api),
  }
}

function selectorOf({ spec }: K8s.V1Deployment): string {
  const labels = Object.entries(spec?.selector.matchLabels ?? {})
  if (labels.length === 0 || spec?.selector.matchExpressions?.length) {
    throw new ProviderFailure('refused', 'the Deployment must select its pods by matchLabels alone')
  }
  return labels.map(([name, value]) => `${name}=${value}`).join(',')
}

function machineOf({ metadata, spec, status }: K8s.V1Pod): Machine {
  const phase = status?.phase ?? 'Pending'
  const health = healthOf(status)
  return {
    providerId: metadata?.name ?? '',
    purpose: 'pool',
    state: metadata?.deletionTimestamp ? 'gone' : (STATES[phase] ?? 'pending'),
    providerStatus: phase,
    ...(health && { health }),
    ...(spec?.nodeName && { region: spec.nodeName }),
    ...(status?.podIP && { privateIpAddress: status.podIP }),
    ...(metadata?.creationTimestamp && { launchedAt: metadata.creationTimestamp }),
  }
}

const STATES: Record<string, Machine['state']> = {
  Pending: 'pending',
  Running: 'running',
  Succeeded: 'gone',
  Failed: 'gone',
}

function healthOf(status?: K8s.V1PodStatus): Health | undefined {
  const waiting = status?.containerStatuses?.map(({ state }) => state?.waiting?.reason) ?? []
  if (waiting.some((reason) => /BackOff|Err/.test(reason ?? ''))) return 'unhealthy'
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? 'healthy' : undefined
}

function codeOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  // An aborted call has a code too, and it is no HTTP status.
  return typeof code === 'number' && code >= 100 ? code : undefined
}

function failureOf(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error
  const code = codeOf(error)
  const { message } = error as Error
  const text = `Kubernetes: ${code ? `status ${code}` : message.slice(0, 300)}`
  if (code === 429) return new ProviderFailure('throttled', text, error)
  return new ProviderFailure(
    code === undefined || code >= 500 ? 'unavailable' : 'refused',
    text,
    error,
  )
}
