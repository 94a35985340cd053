import { type LaunchSpec, type Listing, type MachineProvider, ProviderFailure } from './provider.ts'

/** Starts and ends node processes on this machine. */
export interface NodeProcesses {
  /** Starts `gantry serve --roles=node` for this id, or finds the one that runs. Returns what it is known by. */
  spawn(spec: LaunchSpec): Promise<{ processId: string }>
  /** Those that run, also those that an earlier control plane has started. */
  list(): Promise<readonly { processId: string; instanceId: string; purpose: string }[]>
  /** Resolves once it has ended; at once when it had. */
  end(processId: string): Promise<void>
}

const OFF =
  'LOCAL_NODES is off, so this Gantry starts no node processes of its own; start one with ROLES=node and a join token'

/** Node processes of the control plane's own machine. Unless `mayStart`, there are only those that run already or join by themselves. */
export function openLocal(processes: NodeProcesses, mayStart: boolean): MachineProvider {
  const list = async (): Promise<Listing> => {
    const running = await processes.list()
    const machines = running.map(({ processId, instanceId, purpose }) => ({
      ...{ providerId: processId, instanceId, purpose },
      ...({ state: 'running', providerStatus: 'running', health: 'healthy' } as const),
    }))
    return { machines }
  }
  return {
    kind: 'machines',
    name: 'local',
    refuses: {
      ...(!mayStart && { launch: OFF }),
      restart: 'a node process is ended and launched again, never restarted',
    },
    list,
    describe: async ({ providerId }) =>
      (await list()).machines.find((machine) => machine.providerId === providerId),
    launch: async (spec) => {
      if (!mayStart) throw new ProviderFailure('refused', OFF)
      const { processId } = await processes.spawn(spec)
      const { instanceId } = spec
      return { providerId: processId, instanceId, state: 'running', providerStatus: 'running' }
    },
    restart: async () => {
      throw new ProviderFailure('refused', 'a node process is not restarted')
    },
    terminate: ({ providerId }) => processes.end(providerId),
  }
}
