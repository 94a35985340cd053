import { z } from 'zod'

/** What the job gets; its work is in `jobs.ts`. */
export const exportKind = {
  name: 'identity.export_data',
  input: z.strictObject({ operationId: z.string(), exportId: z.string() }),
}
