import { uptime } from 'node:os'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { BrowserHost, HostedBrowser, Survivor } from '../host/host.ts'
import type { EndReason } from '../states.ts'
import type { Journal } from './journal.ts'
import type { KeptRecordings } from './kept-recordings.ts'
import type { NodeSession } from './node-session.ts'
import type { SessionEnds } from './session-ends.ts'
import type { SessionSpec } from './session-node.ts'

export interface Inheritance {
  host: BrowserHost
  live: ReadonlyMap<string, NodeSession>
  ends: SessionEnds
  journal: Journal
  recordings: KeptRecordings
  clock: Clock
  log: Logger
  /** Makes a session of a browser that lives. */
  keep(spec: SessionSpec, browser: HostedBrowser): NodeSession
}

/** Takes over what an earlier process left, and reaps the rest. Returns how many of each. */
export async function takeOver(inheritance: Inheritance): Promise<{
  adopted: number
  reaped: number
}> {
  const { host, live, ends, journal } = inheritance
  for (const { report, taken } of journal.takeInherited()) {
    ends.tell(report.sessionId, report.wipe, taken)
  }
  const survivors = await host.survivors()
  for (const survivor of survivors) await adopt(inheritance, survivor)
  const adopted = live.size
  const gone = await host.remains()
  const reaped = await host.reap(new Set(live.keys()))
  const lived = new Set(survivors.map(({ sessionId }) => sessionId))
  for (const one of gone) await mourn(inheritance, one, lived.has(one.sessionId))
  return { adopted, reaped }
}

async function adopt(inheritance: Inheritance, survivor: Survivor): Promise<void> {
  const { host, ends, log, keep } = inheritance
  const spec = survivor.claim as unknown as SessionSpec
  if (!spec.id || ends.has(spec.id)) return
  try {
    const session = keep(spec, await host.adopt(survivor))
    void recordOn(inheritance, session)
  } catch (error) {
    log.warn({ err: error, session: spec.id }, 'a browser that survived is not adopted')
  }
}

/** Goes on with a recording that an earlier process left. */
async function recordOn({ recordings }: Inheritance, session: NodeSession): Promise<void> {
  const { spec } = session
  const unfinished = recordings.claim(spec.id)
  if (!unfinished) return
  const sink = recordings.sinkFor(spec)
  const isOn = await session.record(sink, spec.recording ?? {}, unfinished)
  if (!isOn) recordings.abandon(spec, unfinished)
}

/** A session whose browser an earlier process had and this one has not; what that process has told of its end counts first. */
async function mourn(
  { host, ends, journal, clock, log }: Inheritance,
  browser: Survivor,
  lives: boolean,
): Promise<void> {
  const { id, accountId } = browser.claim as unknown as SessionSpec
  if (!id || ends.has(id)) return
  const atMs = clock.now().getTime()
  const { reason, message } = explainGone(browser, { nowMs: atMs, lives })
  const wipe = await host.end(id)
  log.warn({ session: id, reason }, 'a session did not outlive its node process')
  const report = { sessionId: id, accountId, atMs, kind: 'ended', reason, message } as const
  ends.tell(id, wipe, journal.append({ ...report, wipe }))
}

/** Why a session of an earlier process has no browser in this one. */
function explainGone(
  { startedAt }: Pick<Survivor, 'startedAt'>,
  { nowMs, lives }: { nowMs: number; lives: boolean },
): { reason: EndReason; message: string } {
  if (lives) return { reason: 'lost', message: 'its browser could not be taken over' }
  if (startedAt.getTime() < nowMs - uptime() * 1000) {
    return { reason: 'lost', message: 'the machine was restarted' }
  }
  return { reason: 'crashed', message: 'the browser ended while its node was not running' }
}
