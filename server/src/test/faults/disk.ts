import type { Rental } from './rental.ts'

const MIB = 1024 * 1024

/**
 * Has a page write files until nothing more goes, `megabytes` at most. Resolves with how many MiB it could write, and why no more;
 * with undefined when its browser ended meanwhile.
 */
export async function fillDisk(
  culprit: Rental,
  megabytes: number,
): Promise<{ written: number; why: string } | undefined> {
  const script = `(async () => {
    const root = await navigator.storage.getDirectory()
    const chunk = new Uint8Array(${4 * MIB}).map(() => Math.random() * 256)
    let written = 0
    try {
      for (; written < ${megabytes}; written += 4) {
        const file = await root.getFileHandle('file-' + written, { create: true })
        const stream = await file.createWritable()
        await stream.write(chunk)
        await stream.close()
      }
      return { written, why: 'it is enough' }
    } catch (error) {
      return { written, why: String(error) }
    }
  })()`
  const { status, body } = await culprit.command('execute', { script, timeoutMs: 120_000 })
  return status === 200 ? body.result : undefined
}
