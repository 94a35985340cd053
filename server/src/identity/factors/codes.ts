import { z } from 'zod'
import { plainCode } from './backup-code-text.ts'

export const TotpCode = z
  .string()
  .regex(/^[0-9]{6}$/, 'must be six digits, 0 to 9')
  .meta({ description: 'What the authenticator app shows now', examples: ['492039'] })

export const BackupCode = z
  .string()
  .max(40)
  .refine((text) => plainCode(text) !== undefined, 'must be a backup code of 16 letters and digits')
  .meta({ description: 'With or without hyphens, in capital or small letters' })

export const EitherCode = z
  .union([TotpCode, BackupCode])
  .meta({ description: 'Six digits of the authenticator app, or a backup code' })
