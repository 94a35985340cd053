import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from '#kernel/home.ts'
import { isSameProcess, processTable } from '#kernel/processes.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { askProduct } from './devtools.ts'
import { type LiveRecord, type SlotFiles, isSessionId } from './slot-file.ts'
import { type WipeReport, isClean, wipe } from './wipe.ts'

/** Where the browsers of earlier processes left their traces. */
export interface Traces {
  home: Home
  user?: SystemUser
  files: SlotFiles
  /** The leaders' pids of our own browsers. */
  leaders: () => Iterable<number>
}

const SURVIVOR_DEADLINE_MS = 3_000

/** Browsers of an earlier process that are alive: the process is the recorded one, and it answers. */
export async function findSurvivors({ home, files }: Traces): Promise<LiveRecord[]> {
  const commandLines = new Map(processTable().map((process) => [process.pid, process]))
  const proven = (await files.readAll()).map(async (record) => {
    const { sessionId, pid, startTicks, endpoint } = record
    const process = commandLines.get(pid)
    if (!endpoint || process?.startTicks !== startTicks) return undefined
    if (!process.cmdline.some((part) => part.includes(`=${join(home.sessions, sessionId)}/`)))
      return undefined
    const answered = await askProduct(endpoint, SURVIVOR_DEADLINE_MS).catch(() => undefined)
    return answered && { ...record, endpoint }
  })
  return (await Promise.all(proven)).filter((record) => record !== undefined && record !== '')
}

/** Sessions that have left a slot file, a directory or a process, by their ids. */
export async function findStrays({ home, files }: Traces): Promise<Set<string>> {
  const recorded = (await files.readAll()).map(({ sessionId }) => sessionId)
  const onDisk = await readdir(home.sessions)
  const inside = `=${home.sessions}/`
  const running = processTable()
    .flatMap(({ cmdline }) => cmdline)
    .flatMap((part) => part.split(inside).slice(1))
    .map((rest) => rest.split('/')[0]!)
  return new Set([...recorded, ...onDisk, ...running].filter(isSessionId))
}

/** Ends and wipes what a session of an earlier process has left. */
export async function wipeStray(traces: Traces, sessionId: string): Promise<WipeReport> {
  const record = await traces.files.read(sessionId)
  const lives = record?.endpoint && isSameProcess(record.pid, record.startTicks)
  const report = await wipe({
    directory: join(traces.home.sessions, sessionId),
    leader: record,
    user: traces.user,
    strangers: new Set(traces.leaders()),
    // A dead browser's port may be somebody else's by now.
    ports: lives ? [Number(new URL(record.endpoint!).port)] : [],
    close: async () => {},
  })
  if (isClean(report)) await traces.files.remove(sessionId)
  return report
}
