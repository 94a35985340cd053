// What it costs to know who sent a request: that a token is signed by us, and that neither it nor its sign-in has ended.
import { globalSetup, globalTeardown } from '#test/global-setup.ts'
import { openTestIdentity } from '../src/identity/test-support.ts'
import { median } from './figures.ts'
import { judge, printMachine, printTable } from './table.ts'

const PEOPLE = 200
const ROUNDS = 9
const WARM_TURNS = 500
const ADDRESS = '192.0.2.1'

await globalSetup()
try {
  await using app = await openTestIdentity()
  const tokens: string[] = []
  while (tokens.length < PEOPLE) tokens.push(`Bearer ${(await app.join()).accessToken}`)

  /** Of one request, over all tokens. */
  const cpuMicros = async (turns: number, identity = app.identity): Promise<number> => {
    const before = process.cpuUsage()
    for (let turn = 0; turn < turns; turn++) {
      for (const token of tokens) await identity.authenticate(token, ADDRESS)
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / turns / tokens.length
  }
  const figures = { warm: [] as number[], again: [] as number[], first: [] as number[] }
  await cpuMicros(1)
  for (let round = 0; round < ROUNDS; round++) {
    figures.warm.push(await cpuMicros(WARM_TURNS))
    app.clock.advance(4_000)
    figures.again.push(await cpuMicros(1))
    // A process that has seen none of the tokens.
    figures.first.push(await cpuMicros(1, await app.openAnother()))
  }
  const shown = (name: keyof typeof figures) => median(figures[name]).toFixed(1)
  printTable(
    `Who sent a request, ${PEOPLE} sign-ins, median of ${ROUNDS} rounds`,
    ['', 'CPU µs each'],
    [
      ['seen in the last 4 s', shown('warm')],
      ['looked up again: user and sign-in in the database', shown('again')],
      ['never seen: signature, then looked up', shown('first')],
    ],
  )
  judge('CPU µs of a token and its revocation, warm', median(figures.warm), '<=', 30)
  printMachine()
} finally {
  await globalTeardown()
}
