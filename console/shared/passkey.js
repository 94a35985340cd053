import { call } from './api.js'

/** Whether this browser knows passkeys, and how they are written down. */
export function knowsPasskeys() {
  return typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function'
}

/** Makes a passkey and registers it under this name; resolves to the answer of the API, or to a problem of the browser. */
export async function makePasskey(name) {
  const options = await call('POST', '/auth/passkeys/register/options')
  if (!options.ok) return options
  const made = await ask(options.body.rp?.id, () =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.body),
    }),
  )
  if (!made.ok) return made
  return call('POST', '/auth/passkeys/register', { name, response: made.body })
}

/** Lets the person answer with a passkey; `body` of the answer is what the API takes, or a problem of the browser. */
export async function usePasskey(path, request) {
  const options = await call('POST', path, request)
  if (!options.ok) return options
  return ask(options.body.rpId, () =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.body),
    }),
  )
}

async function ask(host, act) {
  try {
    return { ok: true, body: (await act()).toJSON() }
  } catch (error) {
    return { ok: false, status: 0, body: problemOf(error, host) }
  }
}

function problemOf({ name }, host) {
  if (name === 'SecurityError')
    return {
      title: 'Passkeys do not work at this address',
      detail: `They belong to the name ${host}, and this page is at ${location.hostname}.`,
      suggestion: `Open ${location.protocol}//${host}${location.port && `:${location.port}`}/ and try again.`,
    }
  if (name === 'InvalidStateError')
    return {
      title: 'This device holds a passkey of yours already',
      suggestion: 'Use that one, or add one on another device.',
    }
  return {
    title: 'No passkey was used',
    detail: 'The browser stopped it, you did, or the time was over.',
    suggestion: 'Try again, or go another way.',
  }
}
