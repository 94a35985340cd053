import { call } from './api.js'
import { me } from './me.js'

let reading

/** What there is to be allowed, and what of it the person may do in the account that they act for. */
export async function readPermissions() {
  reading ??= call('GET', '/roles')
  const answer = await reading
  if (!answer.ok) {
    reading = undefined
    return { all: new Set(), held: new Set() }
  }
  const { items } = answer.body
  const of = (roles) => new Set(roles.flatMap(({ permissions }) => permissions))
  return { all: of(items), held: of(items.filter(({ name }) => me().roles.includes(name))) }
}
