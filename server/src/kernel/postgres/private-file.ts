import { open, rename } from 'node:fs/promises'

/** Writes a file that only we may read. Whoever reads it finds the old text or the new, also after a power cut. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
