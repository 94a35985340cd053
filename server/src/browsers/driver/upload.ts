import type { Locator } from 'playwright-core'
import { problems } from '../problems.ts'
import { notActionable } from './failures.ts'
import { freeFileName, safeFileName } from './file-name.ts'
import type { UploadInput, UploadResult } from './page-commands.ts'
import type { Run } from './run.ts'
import type { Scene } from './scene.ts'
import { type Limits, onFirstMatch } from './selector.ts'
import { MAX_UPLOAD_BYTES, type FileToKeep, type UploadFolder } from './upload-folder.ts'

interface GivenFile extends FileToKeep {
  contentType?: string
}

/**
 * Keeps files for the browser, and gives them to a file input when a selector names one.
 *
 * @throws problem `browser.upload_too_large`, those of the folder and those of a selector
 */
export async function upload(
  folder: UploadFolder | undefined,
  run: Run,
  input: UploadInput,
  scene: () => Promise<Scene>,
): Promise<UploadResult> {
  if (!folder) throw problems.uploadsUnavailable()
  const files = decoded(input.files)
  run.awaits('the files to be written')
  const paths = await folder.keep(files, run.signal)
  if (input.selector !== undefined) await choose(await scene(), input, files, paths)
  return {
    files: files.map(({ name, bytes }, index) => ({
      name,
      bytes: bytes.length,
      path: publicPath(paths[index]!),
    })),
  }
}

/** As clients of CDP name the file: its folder and its name, below `/uploads`. */
function publicPath(path: string): string {
  return `/uploads/${path.split('/').slice(-2).join('/')}`
}

function decoded(given: UploadInput['files']): GivenFile[] {
  const taken = new Set<string>()
  const files = given.map(({ name: wanted, contentType, base64 }) => {
    const name = freeFileName(safeFileName(wanted), taken)
    taken.add(name)
    return { name, contentType, bytes: Buffer.from(base64, 'base64') }
  })
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
  if (bytes <= MAX_UPLOAD_BYTES) return files
  throw problems.uploadTooLarge({ limit: MAX_UPLOAD_BYTES })
}

async function choose(
  scene: Scene,
  input: UploadInput,
  files: readonly GivenFile[],
  paths: string[],
): Promise<void> {
  const selector = input.selector!
  await onFirstMatch(scene, input, selector, async (element, limits) => {
    const refused = await element.evaluate(refusal, files.length, limits)
    if (refused) throw notActionable(selector, refused)
    await setFiles(element, files, paths, limits)
  })
}

/** Chromium tells the type of a file by its name; one that is named by the customer has to go in through the page instead. */
function setFiles(
  element: Locator,
  files: readonly GivenFile[],
  paths: string[],
  limits: Limits,
): Promise<void> {
  if (files.every(({ contentType }) => contentType === undefined)) {
    return element.setInputFiles(paths, limits)
  }
  const payloads = files.map(({ name, contentType, bytes }) => ({
    ...{ name, mimeType: contentType ?? 'application/octet-stream', buffer: bytes },
  }))
  return element.setInputFiles(payloads, limits)
}

/** Runs in the page: why it takes no files, or not so many. */
function refusal(element: Element, count: number): string | undefined {
  if (!(element instanceof HTMLInputElement) || element.type !== 'file') {
    return 'it is not a file input'
  }
  if (element.disabled) return 'it is disabled'
  return count > 1 && !element.multiple ? 'it takes one file only' : undefined
}
