/**
 * Where a recording goes. Parts have names of their own and never change, though one whose answer was lost is written again; the
 * manifest is written again with each of them.
 */
export interface RecordingSink {
  write(name: string, bytes: Uint8Array): Promise<void>
  /**
   * Keeps parts that could not be written, to write them before the manifest that names them. All of them or none: false where that
   * cannot be.
   */
  leave?(parts: readonly LeftPart[]): Promise<boolean>
}

export interface LeftPart {
  name: string
  bytes: Uint8Array
}

/** Where a recording comes from. */
export interface RecordingSource {
  /** @throws when there is no object of that name */
  read(name: string): Promise<Buffer>
}
