/** What each template is filled with. Times are ISO 8601; a `link` is one that `linkTo` made. */
export interface TemplateValues {
  verify_email: { link: string; expiresInHours: number }
  reset_password: { link: string; expiresInMinutes: number; ipAddress?: string }
  password_changed: { at: string; ipAddress?: string; userAgent?: string }
  email_changed: { newEmailMasked: string; at: string }
  email_change_requested: { newEmailMasked: string; at: string }
  confirm_new_email: { link: string; expiresInHours: number }
  new_device: { at: string; ipAddress?: string; userAgent?: string }
  sign_in_locked: { until: string }
  second_factor_locked: { until: string }
  invitation: {
    link: string
    inviter: string
    account: string
    role: string
    expiresInHours: number
  }
  second_factor_changed: {
    what:
      | 'enabled'
      | 'disabled'
      | 'backup_codes_regenerated'
      | 'backup_code_used'
      | 'passkey_added'
      | 'passkey_removed'
      | 'reset_by_admin'
    codesLeft?: number
    at: string
  }
  user_created: { link: string; account?: string; expiresInHours: number }
  tier_changed: { account: string; tier: string; before: string; at: string }
  /** `alerts` are lines that people read; `count` may be more. */
  alerts_raised: { count: number; alerts: readonly string[]; at: string }
  identity_changed: { provider: string; what: 'linked' | 'unlinked'; at: string }
  account_deletion: { restoreUntil: string; link?: string }
  user_restored: { at: string }
  export_ready: { link: string; availableUntil: string }
}

export type TemplateName = keyof TemplateValues

/** What a mail says; its two forms, text and HTML, are made from this. */
export interface Letter {
  subject: string
  body: readonly Block[]
}

/** A paragraph, a link to follow, or facts under their names; facts without a value are left out. */
export type Block =
  | string
  | { action: string; link: string }
  | { facts: Record<string, string | undefined> }

/** Every template in one language. */
export type Templates = {
  readonly [Name in TemplateName]: (values: TemplateValues[Name]) => Letter
}
