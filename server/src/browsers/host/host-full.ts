const EXPLANATIONS = {
  count: 'every place of this machine is taken',
  memory: 'this machine has too little memory left for another browser',
  disk: 'this machine has too little disk left for another browser',
  cpu: 'this machine is too busy to start another browser',
  draining: 'this machine takes no new browsers',
} as const

/** How soon another try makes sense: a session ends any moment, a machine that drains does not come back soon. */
const RETRY_AFTER_SECONDS = { count: 5, memory: 10, disk: 30, cpu: 10, draining: 60 } as const

/** No browser can be had here now. */
export class HostFull extends Error {
  readonly reason: keyof typeof EXPLANATIONS
  readonly retryAfterSeconds: number

  constructor(reason: HostFull['reason']) {
    super(EXPLANATIONS[reason])
    this.name = 'HostFull'
    this.reason = reason
    this.retryAfterSeconds = RETRY_AFTER_SECONDS[reason]
  }
}
