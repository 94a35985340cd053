import { Envelope, EnvelopeFault } from './envelope.ts'
import { mayReach, policyOf, pretended } from './policy.ts'
import { Refused } from './refused.ts'
import type { Params, Rule } from './rules.ts'
import type { Scope } from './scope.ts'

interface GateOptions extends Scope {
  /** Whether this client may drive now: somebody else may hold the control lease. */
  mayDrive(): boolean
  onBrowserClose?(): void
  onRefused?(method: string, why: string): void
}

/** What becomes of a message: it goes on as it is, another one goes on in its place, or the client is answered. */
type Verdict = undefined | { forward: Buffer } | { answer: string }

/** How often a message may be wrapped into another one. */
const MAX_WRAPPED = 3
const SERVER_ERROR = -32000
const METHOD_NOT_FOUND = -32601
const LONGEST_NAME = 100

/** Decides on every message of a client, in the order in which they come. */
export class Gate {
  readonly #options: GateOptions
  readonly #envelope = new Envelope()

  constructor(options: GateOptions) {
    this.#options = options
  }

  judge(bytes: Buffer, from: number, to: number): Verdict {
    const envelope = this.#envelope
    try {
      envelope.read(bytes, from, to)
      return this.#judge(envelope, 0)
    } catch (error) {
      if (error instanceof EnvelopeFault) return { answer: faultAnswer(error) }
      if (!(error instanceof Refused)) throw error
      const method = envelope.method.slice(0, LONGEST_NAME)
      this.#options.onRefused?.(method, error.message)
      return { answer: errorAnswer(envelope, SERVER_ERROR, error.message) }
    } finally {
      envelope.clear()
    }
  }

  #judge(envelope: Envelope, wrapped: number): Verdict {
    const { method } = envelope
    const policy = policyOf(method)
    if (!policy) return this.#unknown(envelope)
    if (!mayReach(this.#options.policy, policy.reach)) return this.#beyond(envelope)
    if (policy.reach === 'drive' && !this.#options.mayDrive()) {
      throw new Refused(
        `Somebody else controls this browser, so ${method} is refused until control is returned`,
      )
    }
    if (method === 'Browser.close') return this.#close(envelope)
    if (method === 'Target.sendMessageToTarget') return this.#unwrap(envelope, wrapped)
    return policy.rule && this.#apply(policy.rule, envelope)
  }

  #apply(rule: Rule, envelope: Envelope): Verdict {
    return { forward: envelope.withParams(rule(paramsOf(envelope), this.#options)) }
  }

  /** Its browser is the session's, and not the client's to end. */
  #close(envelope: Envelope): Verdict {
    this.#options.onBrowserClose?.()
    return { answer: answer(envelope, {}) }
  }

  #beyond(envelope: Envelope): Verdict {
    const result = pretended(envelope.method)
    if (result) return { answer: answer(envelope, result) }
    const { policy } = this.#options
    throw new Refused(`${envelope.method} is not open to this connection: its policy is ${policy}`)
  }

  #unknown(envelope: Envelope): Verdict {
    const name = envelope.method.slice(0, LONGEST_NAME)
    this.#options.onRefused?.(name, 'not among the methods that go through')
    return { answer: errorAnswer(envelope, METHOD_NOT_FOUND, `'${name}' wasn't found`) }
  }

  #unwrap(envelope: Envelope, wrapped: number): Verdict {
    const params = paramsOf(envelope)
    if (wrapped === MAX_WRAPPED) throw new Refused('A message is wrapped too often')
    if (typeof params.message !== 'string') return { forward: envelope.withParams(params) }
    const message = Buffer.from(params.message)
    const inner = new Envelope()
    inner.read(message, 0, message.length)
    const verdict = this.#judge(inner, wrapped + 1)
    if (verdict && 'answer' in verdict) return { answer: rewrap(envelope, verdict.answer) }
    const sent = verdict ? verdict.forward.toString() : params.message
    return { forward: envelope.withParams({ ...params, message: sent }) }
  }
}

function paramsOf(envelope: Envelope): Params {
  const params = envelope.params()
  const isObject = typeof params === 'object' && params !== null && !Array.isArray(params)
  return isObject ? (params as Params) : {}
}

/** The answer to a wrapped message, as one to the message that wraps it. */
function rewrap(envelope: Envelope, text: string): string {
  const { error } = JSON.parse(text) as { error?: { code: number; message: string } }
  return error ? errorAnswer(envelope, error.code, error.message) : answer(envelope, {})
}

function answer(envelope: Envelope, result: object): string {
  return `{"id":${envelope.id},"result":${JSON.stringify(result)}${envelope.sessionSuffix}}`
}

function errorAnswer(envelope: Envelope, code: number, message: string): string {
  const error = JSON.stringify({ code, message })
  return `{"id":${envelope.id},"error":${error}${envelope.sessionSuffix}}`
}

function faultAnswer({ id, code, message }: EnvelopeFault): string {
  return JSON.stringify({ ...(id !== undefined && { id }), error: { code, message } })
}
