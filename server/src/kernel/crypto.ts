export { UnsealFailed } from './crypto/cipher.ts'
export { equalDigests, sha256 } from './crypto/digests.ts'
export { type Keyring, makeKeyring, SealingKeyMissing } from './crypto/keyring.ts'
export { openByToken, sealByToken } from './crypto/token-seal.ts'
