import { setTimeout as sleep } from 'node:timers/promises'
import { printTable } from '../table.ts'
import type { Contender, Session } from './contender.ts'

const SESSIONS = 2
const ENDED = 3
const LATER_MS = 5_000
/** Until what is removed late is removed. */
const REST_MS = 1_000

interface Remains {
  directoriesOfEnded: number
  browsersAfterKill: number
  answering: number
  browsersAtEnd: number
  directoriesAtEnd: number
}

/**
 * kill -9 of the server with sessions open; 5 s later it is started again, and clients come back to their sessions. Another 5 s
 * after they have ended these, what is there belongs to nobody.
 */
export async function measureKilledServers(contenders: readonly Contender[]): Promise<void> {
  const rows: (string | number)[][] = []
  for (const contender of contenders) {
    const remains = await killServer(contender)
    rows.push([
      contender.name,
      ...[
        remains.directoriesOfEnded,
        remains.browsersAfterKill,
        `${remains.answering} of ${SESSIONS}`,
      ],
      ...[remains.browsersAtEnd, remains.directoriesAtEnd],
    ])
  }
  const head = [
    ...['', `directories of ${ENDED} ended sessions`, 'browsers 5 s after kill -9'],
    ...['sessions that go on', 'browsers left', 'directories left'],
  ]
  printTable(
    `What stays: kill -9 of a server with ${SESSIONS} sessions, then its next start`,
    head,
    rows,
  )
}

async function killServer(contender: Contender): Promise<Remains> {
  const directoriesOfEnded = await leftByEnded(contender)
  const before = new Set(contender.directories())
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => contender.open()))
  if ((await answering(sessions)) < SESSIONS) throw new Error(`${contender.name}: no session`)
  await contender.server.killHard()
  await sleep(LATER_MS)
  const browsersAfterKill = contender.server.family.browsers().length

  await contender.server.start()
  const goOn = await answering(sessions)
  await Promise.all(sessions.map((session) => session.end().catch(() => {})))
  await sleep(LATER_MS)
  return {
    ...{ directoriesOfEnded, browsersAfterKill, answering: goOn },
    browsersAtEnd: contender.server.family.browsers().length,
    directoriesAtEnd: contender.directories().filter((path) => !before.has(path)).length,
  }
}

/** What sessions leave that are ended as they should be. */
async function leftByEnded(contender: Contender): Promise<number> {
  const before = contender.directories().length
  for (let count = 0; count < ENDED; count++) await (await contender.open()).end()
  await contender.settled()
  await sleep(REST_MS)
  return contender.directories().length - before
}

async function answering(sessions: readonly Session[]): Promise<number> {
  const answers = await Promise.all(sessions.map((session) => session.answers()))
  return answers.filter(Boolean).length
}
