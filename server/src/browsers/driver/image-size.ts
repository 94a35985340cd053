export interface ImageSize {
  width: number
  height: number
}

/** Pixels of a PNG, JPEG or WebP image, read from its header. */
export function imageSize(bytes: Buffer): ImageSize {
  if (bytes.readUInt32BE(0) === 0x89504e47) {
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  }
  return bytes.readUInt16BE(0) === 0xffd8 ? jpegSize(bytes) : webpSize(bytes)
}

/** The size stands in the first "start of frame" segment, behind others of various lengths. */
function jpegSize(bytes: Buffer): ImageSize {
  let at = 2
  while (at + 9 <= bytes.length) {
    const marker = bytes[at + 1]!
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  throw new Error('a JPEG image without a frame')
}

/** Three kinds of WebP, each with its own first chunk. */
function webpSize(bytes: Buffer): ImageSize {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    case 'VP8L': {
      const packed = bytes.readUInt32LE(21)
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
    }
    default:
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  }
}
