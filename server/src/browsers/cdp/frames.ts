export const CONTINUATION = 0x0
export const TEXT = 0x1
export const BINARY = 0x2
export const CLOSE = 0x8
export const PING = 0x9

/** Longest payload of a ping, pong or close. */
export const MAX_CONTROL_BYTES = 125
/** Of a frame with the longest length and a mask. */
export const MAX_HEADER_BYTES = 14

/** Codes of a close frame (RFC 6455). */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupported: 1003,
  noStatus: 1005,
  abnormal: 1006,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
} as const

/** Bytes of the header of a frame, without a mask. */
export function headerLength(payloadBytes: number): number {
  if (payloadBytes < 126) return 2
  return payloadBytes < 65_536 ? 4 : 10
}

/** Writes the header of a final frame, and the number of its bytes. With a mask it is one that changes nothing. */
export function writeHeader(
  into: Buffer,
  at: number,
  opcode: number,
  payloadBytes: number,
  masked: boolean,
): void {
  const mask = masked ? 0x80 : 0
  into[at] = 0x80 | opcode
  if (payloadBytes < 126) into[at + 1] = mask | payloadBytes
  else if (payloadBytes < 65_536) {
    into[at + 1] = mask | 126
    into.writeUInt16BE(payloadBytes, at + 2)
  } else {
    into[at + 1] = mask | 127
    into.writeUInt32BE(Math.floor(payloadBytes / 2 ** 32), at + 2)
    into.writeUInt32BE(payloadBytes % 2 ** 32, at + 6)
  }
  if (masked) into.fill(0, at + headerLength(payloadBytes), at + headerLength(payloadBytes) + 4)
}

/** A whole frame: as a client sends one when `masked`, otherwise as a server does. */
export function frame(opcode: number, payload: Buffer, masked: boolean): Buffer {
  const header = headerLength(payload.length) + (masked ? 4 : 0)
  const bytes = Buffer.allocUnsafe(header + payload.length)
  writeHeader(bytes, 0, opcode, payload.length, masked)
  payload.copy(bytes, header)
  return bytes
}

/** A close frame of a server. The reason is cut to what one can hold. */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === closeCodes.noStatus || code === closeCodes.abnormal) {
    return frame(CLOSE, Buffer.alloc(0), false)
  }
  const text = Buffer.from(reason).subarray(0, MAX_CONTROL_BYTES - 2)
  const payload = Buffer.alloc(2 + text.length)
  payload.writeUInt16BE(code)
  text.copy(payload, 2)
  return frame(CLOSE, payload, false)
}

/** What a close frame says; undefined when it may not say that. */
export function readClose(payload: Buffer): { code: number; reason: string } | undefined {
  if (payload.length === 0) return { code: closeCodes.noStatus, reason: '' }
  if (payload.length === 1) return undefined
  const code = payload.readUInt16BE()
  const known = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)
  if (!known && !(code >= 3000 && code <= 4999)) return undefined
  return { code, reason: payload.toString('utf8', 2) }
}

/** Takes the mask off in place. `phase` is how many bytes of the payload came before. */
export function unmask(
  bytes: Buffer,
  from: number,
  to: number,
  mask: Uint8Array,
  phase: number,
): void {
  let at = from
  let step = phase
  if (to - from >= WORTH_WORDS) {
    while ((bytes.byteOffset + at) % 4 !== 0) bytes[at++]! ^= mask[step++ & 3]!
    const count = (to - at) >> 2
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, count)
    const key = wordOf(mask, step)
    for (let index = 0; index < count; index++) words[index]! ^= key
    at += count * 4
  }
  while (at < to) bytes[at++]! ^= mask[step++ & 3]!
}

/** From here on going by words of four bytes is quicker. */
const WORTH_WORDS = 256

const fourBytes = new Uint8Array(4)
const oneWord = new Uint32Array(fourBytes.buffer)

function wordOf(mask: Uint8Array, phase: number): number {
  for (let index = 0; index < 4; index++) fourBytes[index] = mask[(phase + index) & 3]!
  return oneWord[0]!
}

/** Bytes of the header of a server's frame that begins here; 0 while that cannot be known. */
export function serverHeaderSize(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return 0
  const length = bytes[at + 1]! & 0x7f
  if (length < 126) return 2
  return length === 126 ? 4 : 10
}

/** Bytes of the payload of a server's frame whose header of `size` bytes begins here. */
export function serverPayloadLength(bytes: Buffer, at: number, size: number): number {
  if (size === 2) return bytes[at + 1]! & 0x7f
  if (size === 4) return bytes.readUInt16BE(at + 2)
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
}
