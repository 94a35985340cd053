import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import { Turns, TurnsFull } from '#kernel/turns.ts'
import { EXITS, MAX_PIXELS } from './picture-terms.ts'
import { avatarProblems } from './problems.ts'

const PROGRAM = join(import.meta.dirname, 'picture-program.ts')
/** One picture may take 150 MB for a moment. */
const turns = new Turns({ atOnce: 2, queueLength: 20 })
const LONGEST_MS = 25_000
const MAX_BYTES = 1024 * 1024

/**
 * A square WebP of our own making from a JPEG, PNG, WebP, AVIF or GIF, of which the first frame counts; turned upright, and without
 * what the file told beside its pixels. Decoded in a process of its own.
 *
 * @param program what decodes; another one in tests
 * @throws problem `avatar.not_a_picture`, `avatar.too_many_pixels`, `avatar.busy` or `avatar.unavailable`
 */
export async function makePicture(ctx: Context, input: Buffer, program = PROGRAM): Promise<Buffer> {
  if (!looksLikePicture(input)) throw avatarProblems.notAPicture()
  try {
    return await turns.run(ctx.signal, () => runProgram(ctx, input, program))
  } catch (error) {
    throw error instanceof TurnsFull ? avatarProblems.busy({ retryAfterSeconds: 5 }) : error
  }
}

/** By its first bytes: what cannot be a picture is not worth a process. Whether it is one, only decoding tells. */
function looksLikePicture(input: Buffer): boolean {
  const head = input.toString('latin1', 0, 12)
  return /^(\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|.{4}ftyp)/s.test(head)
}

async function runProgram(ctx: Context, input: Buffer, program: string): Promise<Buffer> {
  const late = AbortSignal.timeout(LONGEST_MS)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    ...{ signal: AbortSignal.any([ctx.signal, late]), killSignal: 'SIGKILL' },
    stdio: ['pipe', 'pipe', 'ignore'],
    // Nothing of ours is in its environment.
    env: { VIPS_BLOCK_UNTRUSTED: '1' },
  })
  try {
    const [output, exit] = await Promise.all([
      readAll(child.stdout),
      endOf(child),
      send(child, input),
    ])
    return judge(ctx, output, exit)
  } catch (error) {
    ctx.signal.throwIfAborted()
    if (error instanceof Problem) throw error
    ctx.log.warn({ err: error }, 'a picture was given up')
    throw late.aborted
      ? avatarProblems.busy({ retryAfterSeconds: 30 })
      : avatarProblems.notAPicture()
  } finally {
    child.kill('SIGKILL')
  }
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
}

/** It may end before it has read everything; how it ended tells why. */
function send(child: ChildProcess, input: Buffer): Promise<void> {
  return pipeline([input], child.stdin!).catch(() => undefined)
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error('the picture came out too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function judge(ctx: Context, output: Buffer, exit: number | null): Buffer {
  if (exit === EXITS.done && output.length > 0) return output
  if (exit === EXITS.tooManyPixels) {
    throw avatarProblems.tooManyPixels({ megapixels: MAX_PIXELS / 1e6 })
  }
  if (exit === EXITS.unavailable) {
    ctx.log.error('pictures cannot be made: the library `sharp` does not load on this machine')
    throw avatarProblems.unavailable()
  }
  throw avatarProblems.notAPicture()
}
