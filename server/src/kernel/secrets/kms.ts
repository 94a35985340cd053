import { createPublicKey, type KeyObject } from 'node:crypto'
import type { KMSClient } from '@aws-sdk/client-kms'
import type { JwsAlgorithm } from '../jws.ts'
import { rawSignature } from './raw-signature.ts'

export interface KmsOptions {
  region?: string
  /** Of an emulator, or a private endpoint. */
  endpoint?: string
  credentials?: { accessKeyId: string; secretAccessKey: string }
  /** For each call with all its attempts; 5 s unless given. */
  deadlineMs?: number
}

/** KMS did not do what it was asked for, or not in time. */
export class KmsFailure extends Error {
  constructor(what: string, keyId: string, cause: unknown) {
    const { name, message } = cause as Error
    super(`KMS did not ${what} with the key ${keyId}: ${name}: ${message.slice(0, 300)}`, { cause })
    this.name = 'KmsFailure'
  }
}

type Sdk = typeof import('@aws-sdk/client-kms')

const DEADLINE_MS = 5_000
const ATTEMPTS = 3
/** Bound to what is wrapped: a call that names another use does not open it. */
const CONTEXT = { product: 'gantry', use: 'sealing key' }
const SIGNING = {
  RS256: 'RSASSA_PKCS1_V1_5_SHA_256',
  ES256: 'ECDSA_SHA_256',
} as const satisfies Partial<Record<JwsAlgorithm, string>>

export type KmsAlgorithm = keyof typeof SIGNING

/** AWS KMS, as far as keys for sealing and for signing go. The SDK is loaded at the first call. */
export class Kms implements Disposable {
  readonly #options: KmsOptions
  #opened: Promise<{ sdk: Sdk; client: KMSClient }> | undefined

  constructor(options: KmsOptions) {
    this.#options = options
  }

  /** A new key of 32 bytes, and what `openKey` makes it of again. @throws KmsFailure */
  async makeKey(keyId: string): Promise<{ bytes: Buffer; wrapped: Buffer }> {
    const input = { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: CONTEXT } as const
    const { Plaintext, CiphertextBlob } = await this.#call('make a key', keyId, (kms, options) =>
      kms.client.send(new kms.sdk.GenerateDataKeyCommand(input), options),
    )
    return { bytes: Buffer.from(Plaintext!), wrapped: Buffer.from(CiphertextBlob!) }
  }

  /** @throws KmsFailure */
  async openKey(keyId: string, wrapped: Buffer): Promise<Buffer> {
    const input = { KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: CONTEXT }
    const { Plaintext } = await this.#call('open a sealing key', keyId, (kms, options) =>
      kms.client.send(new kms.sdk.DecryptCommand(input), options),
    )
    return Buffer.from(Plaintext!)
  }

  /**
   * The public half of a signing key, the key's ARN (also where `keyId` is an alias), and what it signs with.
   *
   * @throws KmsFailure also for a key that is neither RSA nor on the curve P-256
   */
  async publicKey(
    keyId: string,
  ): Promise<{ keyId: string; key: KeyObject; algorithm: KmsAlgorithm }> {
    const found = await this.#call('show a public key', keyId, (kms, options) =>
      kms.client.send(new kms.sdk.GetPublicKeyCommand({ KeyId: keyId }), options),
    )
    const key = createPublicKey({
      key: Buffer.from(found.PublicKey!),
      format: 'der',
      type: 'spki',
    })
    const algorithm = algorithmOf(key)
    if (!algorithm) {
      const cause = new Error('it must be of RSA or ECC_NIST_P256, to sign and verify')
      throw new KmsFailure('sign', keyId, cause)
    }
    return { keyId: found.KeyId ?? keyId, key, algorithm }
  }

  /** A signature as RFC 7518 has it, over at most 4096 bytes. @throws KmsFailure */
  async sign(keyId: string, algorithm: KmsAlgorithm, content: Uint8Array): Promise<Buffer> {
    const input = {
      KeyId: keyId,
      Message: content,
      MessageType: 'RAW',
      SigningAlgorithm: SIGNING[algorithm],
    } as const
    const { Signature } = await this.#call('sign', keyId, (kms, options) =>
      kms.client.send(new kms.sdk.SignCommand(input), options),
    )
    const signature = Buffer.from(Signature!)
    return algorithm === 'ES256' ? rawSignature(signature) : signature
  }

  [Symbol.dispose](): void {
    void this.#opened?.then(({ client }) => client.destroy()).catch(() => undefined)
  }

  async #call<Answer>(
    what: string,
    keyId: string,
    send: (
      kms: { sdk: Sdk; client: KMSClient },
      options: { abortSignal: AbortSignal },
    ) => Promise<Answer>,
  ): Promise<Answer> {
    const abortSignal = AbortSignal.timeout(this.#options.deadlineMs ?? DEADLINE_MS)
    try {
      return await send(await (this.#opened ??= this.#open()), { abortSignal })
    } catch (error) {
      throw new KmsFailure(what, keyId, abortSignal.aborted ? abortSignal.reason : error)
    }
  }

  async #open(): Promise<{ sdk: Sdk; client: KMSClient }> {
    const { deadlineMs: _, ...options } = this.#options
    const sdk = await import('@aws-sdk/client-kms')
    return { sdk, client: new sdk.KMSClient({ ...options, maxAttempts: ATTEMPTS }) }
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'rsa') return 'RS256'
  return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined
}
