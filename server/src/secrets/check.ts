import type { Check } from '#kernel/health.ts'
import type { SecretsParts } from './parts.ts'

export function check(parts: () => SecretsParts): Check {
  return {
    name: 'secrets',
    what: 'This process has every sealing key',
    critical: false,
    async run() {
      const { trouble } = parts().keys
      return trouble === undefined ? { status: 'ok' } : { status: 'degraded', detail: trouble }
    },
  }
}
