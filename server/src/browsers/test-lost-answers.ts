import type { Duplex } from 'node:stream'
import type pg from 'pg'

/** An answer that nobody gets, of a statement that is done all the same. */
interface Loss {
  fits: RegExp
  /** Called when it is lost. */
  effect: () => void
  done: boolean
}

type Query = (text: string | { text: string }, ...more: unknown[]) => Promise<unknown>

/**
 * Makes the answers of this pool such as can be lost: once a statement that fits is done for good, alone or with the transaction that it
 * is part of, nobody hears of it and its connection is gone. One answer at a time.
 */
export function answerLoser(pool: pg.Pool) {
  let loss: Loss | undefined
  pool.on('acquire', (client) => {
    const query = client.query.bind(client) as Query
    let isInside = false
    let fits = false
    const losing: Query = async (statement, ...more) => {
      const text = typeof statement === 'string' ? statement : statement.text
      if (text === 'begin') [isInside, fits] = [true, false]
      fits ||= loss?.done === false && loss.fits.test(text)
      const answer = await query(statement, ...more)
      if (!loss || !fits || (isInside && text !== 'commit')) return answer
      loss.done = true
      loss.effect()
      cut(client)
      throw new Error('Connection terminated unexpectedly')
    }
    Object.assign(client, { query: losing })
  })
  pool.on('release', (_error, client) => void delete (client as { query?: unknown }).query)
  return (fits: RegExp, effect = () => {}): Loss => (loss = { fits, effect, done: false })
}

function cut(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: Duplex } }
  connection.stream.destroy()
}
