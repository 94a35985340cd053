import { randomBytes } from 'node:crypto'
import type { Client } from '../client.ts'
import { sha256 } from '../crypto.ts'
import type { EventKind } from '../events.ts'

/** The part of a stored event that tells of a person. */
export interface PersonalPart extends Partial<Client> {
  /** Random, so that the digest, which stays, does not tell what was erased: there are not many addresses to try. */
  salt: string
  data?: Record<string, unknown>
}

type Data = Record<string, unknown>

const SALT_BYTES = 16

/** Parts the data of an event from what tells of a person; `text` is null where nothing does. */
export function takeApart(
  { personal }: EventKind,
  whole: unknown,
  client: Client | undefined,
): { data: unknown; text: string | null; digest: Buffer | null } {
  const [data, apart] = personal.length > 0 ? split(whole as Data, personal) : [whole, undefined]
  if (!client && !apart) return { data, text: null, digest: null }
  const salt = randomBytes(SALT_BYTES).toString('base64url')
  const part: PersonalPart = { salt, ...client, ...(apart && { data: apart }) }
  const text = JSON.stringify(part)
  return { data, text, digest: sha256(text) }
}

/** The data and the client as they were announced, as far as they are not erased. */
export function putTogether(
  data: unknown,
  part: PersonalPart | null,
): { data: unknown; client: Client | null } {
  const { address, agent, data: apart } = part ?? {}
  return {
    data: apart ? { ...(data as Data), ...apart } : data,
    client: address === undefined ? null : { address, ...(agent !== undefined && { agent }) },
  }
}

function split(whole: Data, names: readonly string[]): [Data, Data | undefined] {
  const entries = Object.entries(whole)
  const apart = entries.filter(([name, value]) => names.includes(name) && value !== undefined)
  const rest = entries.filter(([name]) => !names.includes(name))
  return [Object.fromEntries(rest), apart.length > 0 ? Object.fromEntries(apart) : undefined]
}
