import { problems } from '../problems.ts'

/** Whether no session of this machine has, or still has, the recording. Any other 404 may be that of a proxy. */
export function isUnwanted(error: unknown): boolean {
  return (error as { code?: string }).code === problems.notFound.kind.code
}
