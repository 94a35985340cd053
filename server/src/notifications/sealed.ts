import type { Context } from '#kernel/context.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { RenderedMail } from './templates/render.ts'

const purpose = 'mails'

/** `mails.sealed_values` */
export const mailValues: SealedColumn = {
  ...{ table: 'mails', id: 'id', column: 'sealed_values', purpose },
  place: (id) => ['mails', id, 'values'],
}

/** `dev_mails.sealed_content` */
export const devMailContents: SealedColumn = {
  ...{ table: 'dev_mails', id: 'id', column: 'sealed_content', purpose },
  place: (id) => ['dev_mails', id, 'content'],
}

export function sealValues({ keyring }: Context, id: string, values: object): Buffer {
  return keyring.seal(purpose, mailValues.place(id), Buffer.from(JSON.stringify(values)))
}

/** @throws UnsealFailed for a record of another row or another master key */
export function openValues({ keyring }: Context, id: string, sealed: Uint8Array): unknown {
  return JSON.parse(keyring.open(purpose, mailValues.place(id), sealed).toString())
}

export function sealContent({ keyring }: Context, id: string, content: RenderedMail): Buffer {
  return keyring.seal(purpose, devMailContents.place(id), Buffer.from(JSON.stringify(content)))
}

/** @throws UnsealFailed for a record of another row or another master key */
export function openContent({ keyring }: Context, id: string, sealed: Uint8Array): RenderedMail {
  const text = keyring.open(purpose, devMailContents.place(id), sealed).toString()
  return JSON.parse(text) as RenderedMail
}
