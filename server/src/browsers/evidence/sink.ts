/** Where a recording goes. Parts have names of their own and never change; only the manifest is written again. The sink retries. */
export interface RecordingSink {
  write(name: string, bytes: Uint8Array): Promise<void>
}

/** Where a recording comes from. */
export interface RecordingSource {
  /** @throws when there is no object of that name */
  read(name: string): Promise<Buffer>
}
