const COORDINATE_BYTES = 32
const INTEGER = 0x02
const SEQUENCE = 0x30

/** An ECDSA signature on P-256 as JWS wants it, both numbers in 32 bytes, made of the DER that KMS gives. @throws Error */
export function rawSignature(der: Buffer): Buffer {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) throw new Error('no ECDSA signature')
  const { number: r, end } = readInteger(der, 2)
  const { number: s, end: last } = readInteger(der, end)
  if (last !== der.length) throw new Error('no ECDSA signature')
  return Buffer.concat([r, s])
}

function readInteger(der: Buffer, at: number): { number: Buffer; end: number } {
  const end = at + 2 + (der[at + 1] ?? 0)
  if (der[at] !== INTEGER || end > der.length) throw new Error('no ECDSA signature')
  let digits = der.subarray(at + 2, end)
  while (digits.length > 0 && digits[0] === 0) digits = digits.subarray(1)
  if (digits.length > COORDINATE_BYTES) throw new Error('no ECDSA signature')
  return { number: Buffer.concat([Buffer.alloc(COORDINATE_BYTES - digits.length), digits]), end }
}
