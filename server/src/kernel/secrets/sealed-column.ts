/** A `bytea` column whose values are sealed records, or null. Names as in SQL. */
export interface SealedColumn {
  table: string
  /** A text column that names the row. */
  id: string
  column: string
  purpose: string
  /** What the record was sealed for: the `aad` of `Keyring.seal`. */
  place(id: string): readonly string[]
}

/** `sign_ins.refresh_key` */
export function nameOf({ table, column }: SealedColumn): string {
  return `${table}.${column}`
}
