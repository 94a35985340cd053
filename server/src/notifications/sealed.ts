import type { Context } from '#kernel/context.ts'
import type { RenderedMail } from './templates/render.ts'

const PURPOSE = 'mails'

export function sealValues({ keyring }: Context, id: string, values: object): Buffer {
  return keyring.seal(PURPOSE, ['mails', id, 'values'], Buffer.from(JSON.stringify(values)))
}

/** @throws UnsealFailed for a record of another row or another master key */
export function openValues({ keyring }: Context, id: string, sealed: Uint8Array): unknown {
  return JSON.parse(keyring.open(PURPOSE, ['mails', id, 'values'], sealed).toString())
}

export function sealContent({ keyring }: Context, id: string, content: RenderedMail): Buffer {
  return keyring.seal(PURPOSE, ['dev_mails', id, 'content'], Buffer.from(JSON.stringify(content)))
}

/** @throws UnsealFailed for a record of another row or another master key */
export function openContent({ keyring }: Context, id: string, sealed: Uint8Array): RenderedMail {
  const text = keyring.open(PURPOSE, ['dev_mails', id, 'content'], sealed).toString()
  return JSON.parse(text) as RenderedMail
}
