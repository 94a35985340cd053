import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ProofPlace } from './prove.ts'

const Memory = z.object({
  /** Candidates that came first and could not run. */
  failed: z.array(z.string()),
  proven: z.string(),
  proof: z.object({
    version: z.string(),
    headlessShell: z.boolean(),
    frame: z.object({ width: z.number(), height: z.number() }),
    sandbox: z.enum(['works', 'refused']),
    sandboxReason: z.string().optional(),
  }),
})
/** What the last search came to, so that the next start need not launch anything. Candidates go by their keys. */
export type ProofMemory = z.output<typeof Memory>

/** Changes with the program's file and with the user that runs it. @throws Error when there is no such file. */
export async function proofKey(path: string, { user }: ProofPlace): Promise<string> {
  const { size, mtimeMs } = await stat(path)
  return [path, size, Math.trunc(mtimeMs), user?.uid ?? process.getuid?.()].join('|')
}

export async function recallProof({ home }: ProofPlace): Promise<ProofMemory | undefined> {
  try {
    return Memory.parse(JSON.parse(await readFile(fileOf(home), 'utf8')))
  } catch {
    return undefined
  }
}

export async function rememberProof({ home }: ProofPlace, memory: ProofMemory): Promise<void> {
  const draft = `${fileOf(home)}.draft`
  await writeFile(draft, JSON.stringify(memory), { mode: 0o600 })
  await rename(draft, fileOf(home))
}

/** To be called when a proven Chromium did not launch after all: the next start then proves again. */
export async function forgetProof({ home }: Pick<ProofPlace, 'home'>): Promise<void> {
  await rm(fileOf(home), { force: true })
}

function fileOf({ run }: ProofPlace['home']): string {
  return join(run, 'chromium.json')
}
