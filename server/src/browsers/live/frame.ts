import { imageSize } from '../driver/image-size.ts'
import { PROTOCOL_VERSION } from './protocol.ts'

const HEADER_BYTES = 32
const MAX_FRAME_BYTES = 8 * 1024 * 1024

/** `Page.screencastFrame`, as far as it is read. */
export interface ScreencastFrame {
  /** JPEG in base64. */
  data: string
  /** Of one start of the screencast; acknowledgements name it. */
  sessionId: number
  /** `deviceWidth` and `deviceHeight` are the viewport in CSS pixels, `timestamp` the second of the capture. */
  metadata: { deviceWidth: number; deviceHeight: number; timestamp?: number }
}

/** One picture, made ready once for all viewers. */
export interface Frame {
  sequence: number
  packet: Buffer
}

/**
 * The header, big endian, then the JPEG. Readers skip as many bytes as `headerBytes` says, so that it can grow.
 *
 * | offset | type | member |
 * |---|---|---|
 * | 0 | u8 | version, 1 |
 * | 1 | u8 | kind, 1: a JPEG frame |
 * | 2 | u16 | headerBytes, 32 |
 * | 4 | u32 | page |
 * | 8 | u32 | sequence, which `ack` names |
 * | 12 | f64 | time of the capture, ms since 1970 |
 * | 20 | u16, u16 | width and height of the picture in pixels |
 * | 24 | f32 | scale: pixels of the picture for one CSS pixel |
 * | 28 | u16, u16 | width and height of the page's viewport in CSS pixels |
 *
 * Undefined for a picture that cannot be read, or is too large to send.
 */
export function packFrame(
  page: number,
  sequence: number,
  { data, metadata }: ScreencastFrame,
  nowMs: number,
): Frame | undefined {
  const jpegBytes = Buffer.byteLength(data, 'base64')
  if (jpegBytes > MAX_FRAME_BYTES) return undefined
  const packet = Buffer.allocUnsafe(HEADER_BYTES + jpegBytes)
  packet.write(data, HEADER_BYTES, 'base64')
  const picture = sizeOf(packet.subarray(HEADER_BYTES))
  if (!picture) return undefined
  const { deviceWidth, deviceHeight, timestamp } = metadata
  packet.writeUInt8(PROTOCOL_VERSION, 0)
  packet.writeUInt8(1, 1)
  packet.writeUInt16BE(HEADER_BYTES, 2)
  packet.writeUInt32BE(page, 4)
  packet.writeUInt32BE(sequence, 8)
  packet.writeDoubleBE(timestamp ? timestamp * 1000 : nowMs, 12)
  packet.writeUInt16BE(short(picture.width), 20)
  packet.writeUInt16BE(short(picture.height), 22)
  packet.writeFloatBE(deviceWidth > 0 ? picture.width / deviceWidth : 1, 24)
  packet.writeUInt16BE(short(deviceWidth), 28)
  packet.writeUInt16BE(short(deviceHeight), 30)
  return { sequence, packet }
}

function sizeOf(jpeg: Buffer): { width: number; height: number } | undefined {
  try {
    return imageSize(jpeg)
  } catch {
    return undefined
  }
}

function short(value: number): number {
  return Math.min(Math.max(Math.round(value) || 0, 0), 0xffff)
}
