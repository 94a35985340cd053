/** A key that is not made of plain segments; see `checkKey`. */
export class InvalidObjectKey extends Error {
  constructor(key: string) {
    super(`not an object key: ${JSON.stringify(key.slice(0, 100))}`)
    this.name = 'InvalidObjectKey'
  }
}

export class ObjectNotFound extends Error {
  readonly key: string

  constructor(key: string) {
    super(`no such object: ${key}`)
    this.name = 'ObjectNotFound'
    this.key = key
  }
}

/** More bytes came than the caller accepts; nothing was kept. */
export class ObjectTooLarge extends Error {
  readonly maxBytes: number

  constructor(maxBytes: number) {
    super(`the object is larger than ${maxBytes} bytes`)
    this.name = 'ObjectTooLarge'
    this.maxBytes = maxBytes
  }
}

/** The disk or the quota is full; nothing was kept. */
export class ObjectStoreFull extends Error {
  constructor(cause?: unknown) {
    super('the object store is full', { cause })
    this.name = 'ObjectStoreFull'
  }
}

/** The range begins behind the object's last byte. */
export class RangeNotSatisfiable extends Error {
  constructor() {
    super('the range lies outside of the object')
    this.name = 'RangeNotSatisfiable'
  }
}

/** A signed URL that was altered, made for something else, or is past its time. */
export class SignedUrlRefused extends Error {
  readonly reason: 'invalid' | 'expired'

  constructor(reason: 'invalid' | 'expired') {
    super(reason === 'expired' ? 'the link has expired' : 'the link is not valid')
    this.name = 'SignedUrlRefused'
    this.reason = reason
  }
}
