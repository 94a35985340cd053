/** A calendar month, UTC: what is billed and limited together. Written `2026-11`. */
export interface Month {
  readonly name: string
  readonly from: Date
  /** Not included. */
  readonly to: Date
}

export function monthOf(at: Date): Month {
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()]
  return {
    name: at.toISOString().slice(0, 7),
    from: new Date(Date.UTC(year, month)),
    to: new Date(Date.UTC(year, month + 1)),
  }
}

export function monthNamed(name: string): Month {
  return monthOf(new Date(`${name}-01T00:00:00Z`))
}
