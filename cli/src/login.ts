import { defineCommand } from 'citty'
import { orStop } from './stop.ts'

export const login = defineCommand({
  meta: {
    name: 'login',
    description: 'Keep the address and the key of a Gantry for later commands',
  },
  args: {
    url: { type: 'string', description: 'Where it is (default: GANTRY_URL, or this machine)' },
    key: { type: 'string', description: 'An API key; read from standard input unless given' },
  },
  run: ({ args }) => orStop(async () => (await import('./log-in.ts')).logIn(args)),
})

export const logout = defineCommand({
  meta: { name: 'logout', description: 'Forget the key that login has kept; it still counts' },
  run: () => orStop(async () => (await import('./credentials.ts')).forgetLogin()),
})
