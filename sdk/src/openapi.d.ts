// Generated from openapi.json; `npm run generate` writes it again.

export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open the console
         * @description Open to everybody: the first page that a newcomer sees.
         */
        get: operations["get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the public keys that access tokens are signed with
         * @description Open to everybody: public keys.
         */
        get: operations["getWellKnownJwksJson"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api-docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Go to the documentation
         * @description Open to everybody: documentation.
         */
        get: operations["getApiDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read and try the API
         * @description Open to everybody: documentation.
         */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/docs/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what each error code means
         * @description Open to everybody: documentation; `type` of every problem leads here.
         */
        get: operations["getDocsErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/docs/scalar.js": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Load the program of the documentation page
         * @description Open to everybody: part of the documentation page.
         */
        get: operations["getDocsScalarJs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Load the OpenAPI 3.1 document of this API
         * @description Open to everybody: documentation.
         */
        get: operations["getOpenapiJson"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/2fa/backup/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Finish a sign-in with a backup code
         * @deprecated
         * @description The code counts once. A mail tells the person that it was used.
         *
         *     Open to everybody: the challenge of a sign-in is the credential.
         */
        post: operations["post2faBackupVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the accounts that you can act for, newest first
         * @description Those that you are a member of, for the admins of a reseller those below it, and for whoever runs the installation all. The header `Gantry-Account` names the one that a request acts for; without it, a request acts for `accountId` of the user.
         *
         *     Needs the permission `accounts.read`.
         */
        get: operations["getAccounts"];
        put?: never;
        /**
         * Found an account
         * @description You own it. With `parentId` it lies below that reseller instead, and nobody is its member until somebody is invited: that needs `accounts.create` there. Only the operator makes resellers.
         *
         *     Open to everybody who is signed in: everybody may have accounts, within bounds. API keys may not.
         */
        post: operations["postAccounts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an account
         * @description Needs the permission `accounts.read`.
         */
        get: operations["getAccountsId"];
        put?: never;
        post?: never;
        /**
         * Delete an account
         * @description Nobody acts for it any more, its API keys and its invitations end. What its members have elsewhere stays.
         *
         *     Needs the permission `accounts.delete`.
         */
        delete: operations["deleteAccountsId"];
        options?: never;
        head?: never;
        /**
         * Change the name of an account, or where it lies
         * @description Admins of a reseller move accounts below it to another place below it (`accounts.move`); the operator moves any, and says which is a reseller (`accounts.manage`).
         *
         *     Needs the permission `accounts.write`.
         */
        patch: operations["patchAccountsId"];
        trace?: never;
    };
    "/api/v1/accounts/{id}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the members of an account, newest first
         * @description Needs the permission `members.read`.
         */
        get: operations["getAccountsIdMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{id}/members/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Leave an account
         * @description Whoever has no other account gets a new personal one. The last owner hands the account over first.
         *
         *     Open to everybody who is signed in: everybody may leave, except the last owner. API keys may not.
         */
        delete: operations["deleteAccountsIdMembersMe"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{id}/members/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a member from an account
         * @description What they started stays with the account; the API keys that they made end.
         *
         *     Needs the permission `members.write`.
         */
        delete: operations["deleteAccountsIdMembersUserId"];
        options?: never;
        head?: never;
        /**
         * Give a member another role
         * @description Nobody gives, changes or takes a role above their own, and an account keeps an owner. To make somebody admin or owner takes a fresh proof, which an API key cannot give.
         *
         *     Needs the permission `members.write`.
         */
        patch: operations["patchAccountsIdMembersUserId"];
        trace?: never;
    };
    "/api/v1/accounts/{id}/transfer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand an account over to another of its members
         * @description They own it from then on, and you stay as an admin.
         *
         *     Needs the permission `accounts.transfer`.
         */
        post: operations["postAccountsIdTransfer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what staff should look at, the newest first
         * @description Needs the permission `alerts.read`.
         */
        get: operations["getAdminAlerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/alerts/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say that somebody has looked at an alert
         * @description The next time, it is a new alert. One that was acknowledged before stays as it is.
         *
         *     Needs the permission `alerts.write`.
         */
        post: operations["postAdminAlertsIdAcknowledge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search the audit log, the newest first
         * @description Every filter that is given must fit. A search that takes longer than 3 s is refused.
         *
         *     Needs the permission `audit.read`.
         */
        get: operations["getAdminAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export a span of the audit log, the oldest first
         * @description At most 366 days at once. CSV for spreadsheets, or a JSON array with one entry a line. The export is an entry itself.
         *
         *     Needs the permission `audit.export`.
         */
        get: operations["getAdminAuditExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/audit/heads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the signed heads of the audit log, the newest first
         * @description One for each day. Kept elsewhere, a head proves what the log was: `gantry audit verify --head FILE`.
         *
         *     Needs the permission `audit.read`.
         */
        get: operations["getAdminAuditHeads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/audit/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Verify the hash chain of the audit log
         * @description The work goes on after the answer; follow it at `Location`. Its result says `ok`, and `bad` names the first row that is not as it was.
         *
         *     Needs the permission `audit.verify`.
         */
        post: operations["postAdminAuditVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/audit/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an entry of the audit log
         * @description Needs the permission `audit.read`.
         */
        get: operations["getAdminAuditId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/bulk/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what became of each user of a change to many
         * @description In the order in which they were sent; kept for as long as the operation, 30 days.
         *
         *     Needs the permission `users.read`.
         */
        get: operations["getAdminBulkId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the runtime settings
         * @description Needs the permission `settings.read`.
         */
        get: operations["getAdminConfig"];
        /**
         * Change runtime settings
         * @description All that are named or none; what is not named stays. Every process follows within 5 s.
         *
         *     Needs the permission `settings.write`.
         */
        put: operations["putAdminConfig"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/config/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the changes of runtime settings, the newest first
         * @description Needs the permission `settings.read`.
         */
        get: operations["getAdminConfigHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count the refusals and failures by code, route and hour
         * @description Counts of other processes come in with up to 10 s delay.
         *
         *     Needs the permission `errors.read`.
         */
        get: operations["getAdminErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/feature-flags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the feature flags
         * @description Needs the permission `settings.read`.
         */
        get: operations["getAdminFeatureFlags"];
        /**
         * Change feature flags
         * @description All that are named or none; what is not named stays. Every process follows within 5 s.
         *
         *     Needs the permission `settings.write`.
         */
        put: operations["putAdminFeatureFlags"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/feature-flags/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the changes of feature flags, the newest first
         * @description Needs the permission `settings.read`.
         */
        get: operations["getAdminFeatureFlagsHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/ip-allowlist": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show from which addresses staff may work
         * @description Needs the permission `addresses.read`.
         */
        get: operations["getAdminIpAllowlist"];
        /**
         * Say from which addresses staff may work
         * @description From elsewhere the routes that only staff can use answer 403, and staff are what they are in accounts of their own. Every process follows within 5 s. A list that your own address is not in is refused.
         *
         *     Needs the permission `addresses.write`.
         */
        put: operations["putAdminIpAllowlist"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the jobs, the newest first
         * @description Needs the permission `jobs.read`.
         */
        get: operations["getAdminJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a job with its input and its last error
         * @description Needs the permission `jobs.read`.
         */
        get: operations["getAdminJobsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a dead job again, with all its tries
         * @description Needs the permission `jobs.write`.
         */
        post: operations["postAdminJobsIdRetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/notifications/mails": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List mails and what became of them, the newest first
         * @description For 30 days. What a mail said is not kept.
         *
         *     Needs the permission `mails.read`.
         */
        get: operations["getAdminNotificationsMails"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/notifications/suppressions/lift": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let an address that has bounced get mail again
         * @description Needs the permission `mails.write`.
         */
        post: operations["postAdminNotificationsSuppressionsLift"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/rate-limits/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the addresses that are blocked, the newest first
         * @description Needs the permission `addresses.read`.
         */
        get: operations["getAdminRateLimitsBlocks"];
        put?: never;
        /**
         * Block an address or a range
         * @description Whoever comes from there gets 403 before they are asked who they are, and what they have open is cut; every process follows within 5 s. Your own address cannot be blocked.
         *
         *     Needs the permission `addresses.write`.
         */
        post: operations["postAdminRateLimitsBlocks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/rate-limits/blocks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Lift a block
         * @description Needs the permission `addresses.write`.
         */
        delete: operations["deleteAdminRateLimitsBlocksId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/recovery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the recovery actions
         * @description Needs the permission `recovery.run`.
         */
        get: operations["getAdminRecovery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/recovery/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a recovery that an operator has started
         * @description Needs the permission `recovery.run`.
         */
        get: operations["getAdminRecoveryId"];
        put?: never;
        /**
         * Start a recovery action
         * @description `id` is the name of the action. The work goes on after the answer; follow it at `Location`.
         *
         *     Needs the permission `recovery.run`.
         */
        post: operations["postAdminRecoveryId"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/sealing-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the keys that seal secrets in the database, and how much each has sealed
         * @description Needs the permission `secrets.read`.
         */
        get: operations["getAdminSealingKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/sealing-keys/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add a sealing key, and seal everything anew
         * @description The key seals once every process knows it, 15 seconds later; the job `secrets.reseal_records` then brings all records under it. Without KMS the key is a new file in `keys/` of the machine that answers: on several machines, prepare and copy it first.
         *
         *     Needs the permission `secrets.rotate`.
         */
        post: operations["postAdminSealingKeysRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/sealing-keys/{id}/retire": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give up a sealing key that nothing is sealed with any more
         * @description From then on it opens nothing. Backups from before still need it.
         *
         *     Needs the permission `secrets.rotate`.
         */
        post: operations["postAdminSealingKeysIdRetire"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/signing-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the keys that sign and verify access tokens
         * @description Needs the permission `signing.read`.
         */
        get: operations["getAdminSigningKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/signing-keys/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish the next signing key
         * @description It signs after 24 hours, so that everybody who keeps the key set knows it by then. With `emergency=true` a new key signs at once and all others are dropped: every access token so far is refused within 5 seconds, and clients refresh.
         *
         *     Needs the permission `signing.rotate`.
         */
        post: operations["postAdminSigningKeysRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List and search users
         * @description Who runs the installation sees everybody, the admin of a reseller those who act for an account below it.
         *
         *     Needs the permission `users.read`.
         */
        get: operations["getAdminUsers"];
        put?: never;
        /**
         * Make a user, who is mailed a link to choose their password
         * @description The link works once, for 72 hours; nobody but the owner of the mailbox learns it. Whoever is to be `owner` or `admin` of an account takes a fresh proof.
         *
         *     Needs the permission `users.create`.
         */
        post: operations["postAdminUsers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change up to 1,000 users, or make them, as one operation
         * @description If one of them may not be changed by you, nothing is. Else each is changed by itself after the answer: follow the operation at `Location`, cancel it there, and see what became of each at `GET /v1/admin/bulk/{id}`. Takes a fresh proof of who you are.
         *
         *     Needs the permission `users.write`.
         */
        post: operations["postAdminUsersBulk"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a user
         * @description Needs the permission `users.read`.
         */
        get: operations["getAdminUsersId"];
        /**
         * Change the name of a user
         * @description Members that are left out stay as they are; `null` removes a name. What was read may be sent back whole: read-only members are accepted when they are unchanged.
         *
         *     Needs the permission `users.write`.
         */
        put: operations["putAdminUsersId"];
        post?: never;
        /**
         * Have a user deleted after the days of grace
         * @description Nobody acts as them from now on, and their keys end for good. Until `restoreUntil` they can be restored here; then everything that is kept about them is erased, accounts included that nobody else works in. They are told by mail.
         *
         *     Needs the permission `users.delete`.
         */
        delete: operations["deleteAdminUsersId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/deactivate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let nobody sign in as a user any more
         * @description Their sign-ins, sockets and browsers end within 5 seconds, and their keys count no more until the user is reactivated.
         *
         *     Needs the permission `users.write`.
         */
        post: operations["postAdminUsersIdDeactivate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/impersonate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Act as a user for 30 minutes, to help
         * @description The tokens act as the user, without their roles over the installation, and name the caller in the claim `act`; events name both. They read, and drive browsers; they change neither credentials nor keys nor members. `POST /v1/auth/logout` with them ends it, and so does the end of the caller’s own sign-in.
         *
         *     Needs the permission `users.impersonate`.
         */
        post: operations["postAdminUsersIdImpersonate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/reactivate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a user sign in again
         * @description Needs the permission `users.write`.
         */
        post: operations["postAdminUsersIdReactivate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/reset-factors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Remove all second factors of a user who has lost them
         * @description Make sure by another way that it is them: after this, their password alone signs in. They are signed out and told by mail.
         *
         *     Needs the permission `users.secure`.
         */
        post: operations["postAdminUsersIdResetFactors"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail a user the link that sets a new password
         * @description The link is in the mail only. The password so far counts until the link is used.
         *
         *     Needs the permission `users.write`.
         */
        post: operations["postAdminUsersIdResetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take back the deletion of a user in the days of grace
         * @description Needs the permission `users.delete`.
         */
        post: operations["postAdminUsersIdRestore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Say which roles over the installation a user has
         * @description Nobody gives or takes a role above their own, nor changes others of their own rank, but a super-admin; the last of those stays. It counts within 5 seconds.
         *
         *     Needs the permission `staff.write`.
         */
        put: operations["putAdminUsersIdRoles"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign a user out on all their devices
         * @description Within 5 seconds on every machine. Their API keys go on.
         *
         *     Needs the permission `users.write`.
         */
        post: operations["postAdminUsersIdSignOut"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/tier": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Move the account that a user acts for to another tier
         * @description Everybody in that account is in the tier; its owners are told by mail.
         *
         *     Needs the permission `users.tier`.
         */
        put: operations["putAdminUsersIdTier"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/users/{id}/unlock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Forget the wrong passwords and second factors that were tried for a user
         * @description Needs the permission `users.write`.
         */
        post: operations["postAdminUsersIdUnlock"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the API keys of the account, newest first
         * @description Keys that ended are listed for 90 days.
         *
         *     Needs the permission `keys.read`.
         */
        get: operations["getApiKeys"];
        put?: never;
        /**
         * Make an API key
         * @description The key acts for the account in your name, with what its scopes name and you may do yourself at that time. The answer shows it, and nothing shows it again; with an idempotency key the same request is answered alike for 10 minutes.
         *
         *     Needs the permission `keys.write`.
         */
        post: operations["postApiKeys"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an API key, without its secret
         * @description Needs the permission `keys.read`.
         */
        get: operations["getApiKeysId"];
        put?: never;
        post?: never;
        /**
         * Revoke an API key
         * @description It counts nowhere any more after 5 seconds. Keys of others are revoked by whoever holds `keys.revoke`.
         *
         *     Needs the permission `keys.write`.
         */
        delete: operations["deleteApiKeysId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace an API key by a new one that can do the same
         * @description The answer shows the new key, which counts at once; the old one counts beside it until the overlap ends. Only the person in whose name a key acts may rotate it.
         *
         *     Needs the permission `keys.write`.
         */
        post: operations["postApiKeysIdRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show which second factors you have, and whether you must have one
         * @description Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        get: operations["getAuth2fa"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/backup/regenerate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace your backup codes by ten new ones
         * @description Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        post: operations["postAuth2faBackupRegenerate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/backup/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Finish a sign-in with a backup code
         * @description The code counts once. A mail tells the person that it was used.
         *
         *     Open to everybody: the challenge of a sign-in is the credential.
         */
        post: operations["postAuth2faBackupVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your devices that need no second factor for a while
         * @description Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        get: operations["getAuth2faDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Ask one of your devices for a second factor again
         * @description Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        delete: operations["deleteAuth2faDevicesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give up your authenticator app
         * @description Passkeys stay. Without any, the backup codes go too, and the password is enough.
         *
         *     Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        post: operations["postAuth2faDisable"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/enroll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to set up an authenticator app
         * @description Nothing changes until `POST /v1/auth/2fa/verify` got the first code of it, within 15 minutes and by the same sign-in. That ends the other sign-ins that were made by password alone.
         *
         *     Open to everybody who is signed in: everybody looks after their own second factors. API keys may not.
         */
        post: operations["postAuth2faEnroll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/requirement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Demand a second factor of everybody who acts for your account
         * @description Who has none gets nothing but the routes to set one up, from 5 seconds later on. API keys go on as they are.
         *
         *     Needs the permission `factors.require`.
         */
        put: operations["putAuth2faRequirement"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/2fa/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Finish a sign-in with a second factor, or confirm a new authenticator app
         * @description With the `challengeId` of a sign-in, the answer is what a sign-in answers. Without it, whoever is signed in confirms the app that they began to set up, and gets ten backup codes. A code counts once, 30 seconds before and after its time too.
         *
         *     Open to everybody: the challenge of a sign-in is the credential, or an access token.
         */
        post: operations["postAuth2faVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/bootstrap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make the first super-admin with the one-time token printed at start
         * @description Open to everybody: the token is the credential; it works once, while there is no super-admin.
         */
        post: operations["postAuthBootstrap"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for another e-mail address
         * @description A link is mailed to the new address, and the old one is told. The address changes when the token comes to `/v1/auth/change-email/confirm` within 24 hours, unless the password has changed. The answer does not tell whether another user has the address.
         *
         *     Open to everybody who is signed in: everybody changes their own address. API keys may not.
         */
        post: operations["postAuthChangeEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-email/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take the new e-mail address with the token that was mailed to it
         * @description The old address is told. Links that were mailed to it do not work any more.
         *
         *     Open to everybody: the mailed token is the credential.
         */
        post: operations["postAuthChangeEmailConfirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the password of the signed-in user
         * @description All other devices are signed out. This one goes on with the tokens of the answer.
         *
         *     Open to everybody who is signed in: everybody changes their own password. API keys may not.
         */
        post: operations["postAuthChangePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forgot-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail a link that sets a new password
         * @description The answer does not tell whether a user has the address.
         *
         *     Open to everybody: for those who cannot sign in.
         */
        post: operations["postAuthForgotPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with e-mail address and password
         * @description The answer does not tell whether the address or the password was wrong. After several wrong passwords for one address even the right one is refused for a while, with the same answer. Who has a second factor gets a challenge in place of tokens: `POST /v1/auth/2fa/verify` finishes the sign-in.
         *
         *     Open to everybody: the way in.
         */
        post: operations["postAuthLogin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign out this device
         * @description Ends its access and refresh tokens within 5 seconds everywhere.
         *
         *     Open to everybody who is signed in: everybody may leave. API keys may not.
         */
        post: operations["postAuthLogout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout-all": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign out all your devices, this one too
         * @description Ends their access and refresh tokens within 5 seconds everywhere. API keys stay.
         *
         *     Open to everybody who is signed in: everybody may leave. API keys may not.
         */
        post: operations["postAuthLogoutAll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the providers that people can sign in by
         * @description Open to everybody: for the buttons of a sign-in form.
         */
        get: operations["getAuthOauth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with the code that followed the visit to a provider
         * @description Makes a user for who has none, where registering is open. Who has a second factor gets a challenge in place of tokens, as after a password. A user who has the same address, but is not linked with the identity, is left alone.
         *
         *     Open to everybody: the code is the credential.
         */
        post: operations["postAuthOauthSignIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/step-up": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove again who you are, with the code that followed the visit to a provider
         * @description Counts for 5 minutes, for this sign-in, like `POST /v1/auth/step-up`; only when you have just signed in there.
         *
         *     Open to everybody who is signed in: everybody proves who they are. API keys may not.
         */
        post: operations["postAuthOauthStepUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/{provider}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Go to a provider to sign in
         * @description A browser that asks for `text/html` is sent there; others get the address. The answer sets a cookie: only the browser that has it can come back, within 10 minutes.
         *
         *     Open to everybody: the way in.
         */
        get: operations["getAuthOauthProvider"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/{provider}/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Come back from a provider
         * @description Providers send browsers here; register `PUBLIC_URL` with this path as redirect URI. A browser is sent on to the console with a code behind `#`; others get it in the answer. The code signs nobody in by itself: it is for `POST /v1/auth/oauth/sign-in`, `POST /v1/auth/oauth/step-up` or `POST /v1/users/me/identities`, once, within 2 minutes, with the same cookie.
         *
         *     Open to everybody: state and cookie are the credential.
         */
        get: operations["getAuthOauthProviderCallback"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/{provider}/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go to a provider to link the identity that you have there
         * @description Send the browser to the address of the answer.
         *
         *     Open to everybody who is signed in: everybody chooses how they sign in. API keys may not.
         */
        post: operations["postAuthOauthProviderLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/oauth/{provider}/step-up": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go to a provider to prove again who you are
         * @description Send the browser to the address of the answer: it lets you sign in afresh.
         *
         *     Open to everybody who is signed in: everybody proves who they are. API keys may not.
         */
        post: operations["postAuthOauthProviderStepUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your passkeys
         * @description Open to everybody who is signed in: everybody looks after their own passkeys. API keys may not.
         */
        get: operations["getAuthPasskeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in by passkey, without a password
         * @description The authenticator must have seen that it is you, by PIN, finger or face.
         *
         *     Open to everybody: the passkey is the credential.
         */
        post: operations["postAuthPasskeysLogin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys/login/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for what a browser needs to sign in by passkey
         * @description With the `challengeId` of a sign-in, the passkey is its second factor: send the answer to `POST /v1/auth/2fa/verify`.
         *
         *     Open to everybody: the way in.
         */
        post: operations["postAuthPasskeysLoginOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep the passkey that a browser made
         * @description Open to everybody who is signed in: everybody looks after their own passkeys. API keys may not.
         */
        post: operations["postAuthPasskeysRegister"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys/register/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for what a browser needs to make a passkey
         * @description It counts once, for 5 minutes, on pages of `PUBLIC_URL` (or `http://localhost`).
         *
         *     Open to everybody who is signed in: everybody looks after their own passkeys. API keys may not.
         */
        post: operations["postAuthPasskeysRegisterOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/passkeys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove one of your passkeys
         * @description Without any factor left, the backup codes go too, and the password is enough.
         *
         *     Open to everybody who is signed in: everybody looks after their own passkeys. API keys may not.
         */
        delete: operations["deleteAuthPasskeysId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password-policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a password must be that is chosen now
         * @description Open to everybody: for the forms in which people choose one.
         */
        get: operations["getAuthPasswordPolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade a refresh token for the next pair of tokens
         * @description Each refresh token works once. A client that lost the answer may ask again within 10 seconds and gets the same pair; a token that comes back later, or from elsewhere, ends the sign-in. A sign-in ends 14 days after its last refresh unless configured otherwise, and 30 days after it began in any case. A page of this server sends no body: its browser sends the token as a cookie.
         *
         *     Open to everybody: the refresh token is the credential.
         */
        post: operations["postAuthRefresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade a refresh token for the next pair of tokens
         * @deprecated
         * @description Each refresh token works once. A client that lost the answer may ask again within 10 seconds and gets the same pair; a token that comes back later, or from elsewhere, ends the sign-in. A sign-in ends 14 days after its last refresh unless configured otherwise, and 30 days after it began in any case. A page of this server sends no body: its browser sends the token as a cookie.
         *
         *     Open to everybody: the refresh token is the credential.
         */
        post: operations["postAuthRefreshToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Register a user with an account of their own, and sign in
         * @description The password needs 15 to 128 characters and must not be easy to guess; there are no rules about which characters. Whether anyone may register is set by the operator.
         *
         *     Open to everybody: the way in for newcomers.
         */
        post: operations["postAuthRegister"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a new password with the token that was mailed
         * @description The token works once, for 30 minutes. All devices are signed out; API keys stay. Nobody is signed in by it: sign in with the new password, and with the second factor where there is one.
         *
         *     Open to everybody: the mailed token is the credential.
         */
        post: operations["postAuthResetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/step-up": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove again who you are, for what asks for it
         * @description By the password, by a code of the authenticator app or a backup code, or by a passkey. Counts for 5 minutes, for this sign-in. Signing in counts too.
         *
         *     Open to everybody who is signed in: everybody proves who they are. API keys may not.
         */
        post: operations["postAuthStepUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/step-up/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for what a browser needs to prove by passkey again who you are
         * @description Send the answer to `POST /v1/auth/step-up`, from the same sign-in.
         *
         *     Open to everybody who is signed in: everybody looks after their own passkeys. API keys may not.
         */
        post: operations["postAuthStepUpOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove an e-mail address with the token that was mailed to it
         * @description The token works once, for 24 hours.
         *
         *     Open to everybody: the mailed token is the credential.
         */
        post: operations["postAuthVerifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/verify-email/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail the link that proves the e-mail address once more
         * @description The links mailed before do not work any more. Nothing is mailed to an address that is proven.
         *
         *     Open to everybody who is signed in: everybody may prove their own address. API keys may not.
         */
        post: operations["postAuthVerifyEmailResend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/avatars/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the picture of a user
         * @description At the address that `avatarUrl` tells; gone once there is a newer one.
         *
         *     Open to everybody: the address cannot be guessed, and is told to those who see the user.
         */
        get: operations["getAvatarsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/click": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Click an element or a point, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserClick"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/execute": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run JavaScript in the page, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserExecute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/navigate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go to a URL, in your only open session
         * @description Acts on `sessionId`, or on your only open session. When none is open, opens one under your preferences.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserNavigate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/screenshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a screenshot, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserScreenshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/scroll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Scroll the page or an element, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserScroll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the page shows now, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.read`.
         */
        get: operations["getBrowserState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/browser/type": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Type text, in your only open session
         * @description Acts on `sessionId`, or on your only open session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postBrowserType"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read a page as HTML, Markdown or text, without a session
         * @description Makes a session for this one page and ends it before the answer. Answers with the bytes, or with JSON for `Accept: application/json`.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postContent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dev/mails": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * In development: list the mails that were sent
         * @description The last 200, the newest first.
         *
         *     Open to everybody: in development only, for whoever is on the machine or for super-admins; 404 for everybody else.
         */
        get: operations["getDevMails"];
        put?: never;
        post?: never;
        /**
         * In development: empty the mailbox
         * @description Open to everybody: in development only, for whoever is on the machine or for super-admins; 404 for everybody else.
         */
        delete: operations["deleteDevMails"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dev/mails/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * In development: show a mail
         * @description As JSON, or with `Accept: text/html` as the page that a mail program shows.
         *
         *     Open to everybody: in development only, for whoever is on the machine or for super-admins; 404 for everybody else.
         */
        get: operations["getDevMailsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ec2/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the EC2 instances, the newest first
         * @description Open to everybody who is signed in: holders of `fleet.read` see every machine, those of `sessions.read` the ones that are assigned to them.
         */
        get: operations["getEc2Instances"];
        put?: never;
        /**
         * Launch an EC2 instance
         * @description The machine is launched after the answer; read it until its status is `running`.
         *
         *     Needs the permission `fleet.write`.
         */
        post: operations["postEc2Instances"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ec2/instances/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one of the EC2 instances
         * @description Open to everybody who is signed in: holders of `fleet.read` see every machine, those of `sessions.read` the ones that are assigned to them.
         */
        get: operations["getEc2InstancesId"];
        put?: never;
        post?: never;
        /**
         * Terminate one of the EC2 instances; its sessions are lost
         * @description The machine ends after the answer; with `drain=true` once its sessions have ended, and until then it takes no new ones. One that has joined by itself only leaves the fleet.
         *
         *     Needs the permission `fleet.write`.
         */
        delete: operations["deleteEc2InstancesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ec2/instances/{id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restart one of the EC2 instances; its sessions are lost
         * @description With `drain=true` it takes no new sessions, and is restarted once those that are open have ended.
         *
         *     Needs the permission `fleet.write`.
         */
        post: operations["postEc2InstancesIdRestart"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ec2/instances/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask how one of the EC2 instances is
         * @description Asks the provider now; what it does not answer within 10 s is left out.
         *
         *     Needs the permission `fleet.read`.
         */
        get: operations["getEc2InstancesIdStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the instances, the newest first
         * @description Open to everybody who is signed in: holders of `fleet.read` see every machine, those of `sessions.read` the ones that are assigned to them.
         */
        get: operations["getFleetInstances"];
        put?: never;
        /**
         * Launch an instance
         * @description The machine is launched after the answer; read it until its status is `running`.
         *
         *     Needs the permission `fleet.write`.
         */
        post: operations["postFleetInstances"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/instances/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one of the instances
         * @description Open to everybody who is signed in: holders of `fleet.read` see every machine, those of `sessions.read` the ones that are assigned to them.
         */
        get: operations["getFleetInstancesId"];
        put?: never;
        post?: never;
        /**
         * Terminate one of the instances; its sessions are lost
         * @description The machine ends after the answer; with `drain=true` once its sessions have ended, and until then it takes no new ones. One that has joined by itself only leaves the fleet.
         *
         *     Needs the permission `fleet.write`.
         */
        delete: operations["deleteFleetInstancesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/instances/{id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restart one of the instances; its sessions are lost
         * @description With `drain=true` it takes no new sessions, and is restarted once those that are open have ended.
         *
         *     Needs the permission `fleet.write`.
         */
        post: operations["postFleetInstancesIdRestart"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/instances/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask how one of the instances is
         * @description Asks the provider now; what it does not answer within 10 s is left out.
         *
         *     Needs the permission `fleet.read`.
         */
        get: operations["getFleetInstancesIdStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/join-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the join tokens that are good
         * @description Needs the permission `fleet.read`.
         */
        get: operations["getFleetJoinTokens"];
        put?: never;
        /**
         * Make a token with which a machine joins
         * @description Needs the permission `fleet.write`.
         */
        post: operations["postFleetJoinTokens"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/join-tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Let nobody join with this token any more
         * @description Needs the permission `fleet.write`.
         */
        delete: operations["deleteFleetJoinTokensId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the nodes of the machines that are there
         * @description Needs the permission `fleet.read`.
         */
        get: operations["getFleetNodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/nodes/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a node take no new sessions; the open ones go on
         * @description Needs the permission `fleet.write`.
         */
        post: operations["postFleetNodesIdDrain"];
        /**
         * Let a node take sessions again
         * @description Needs the permission `fleet.write`.
         */
        delete: operations["deleteFleetNodesIdDrain"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fleet/pool": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what the pool should be, and what it is
         * @description Needs the permission `fleet.read`.
         */
        get: operations["getFleetPool"];
        /**
         * Change what the pool should be
         * @description With `version`, the change is refused when somebody else was faster.
         *
         *     Needs the permission `fleet.write`.
         */
        put: operations["putFleetPool"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List invitations, newest first
         * @description Those that ended are listed for 90 days.
         *
         *     Needs the permission `invitations.read`.
         */
        get: operations["getInvitations"];
        put?: never;
        /**
         * Invite somebody to an account, or to run the installation
         * @description They get a link by mail, good for 72 hours. Nobody gives a role above their own; `platformRole` needs `staff.write`. To invite an owner, an admin or staff takes a fresh proof, which an API key cannot give.
         *
         *     Needs the permission `invitations.write`.
         */
        post: operations["postInvitations"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invitations/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept an invitation
         * @description Whoever has a user signs in with the address that it was sent to, by password or passkey, and accepts with that access token. Anybody else chooses a password here, and is signed in.
         *
         *     Open to everybody: the token of the mail is the credential.
         */
        post: operations["postInvitationsAccept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invitations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Take an invitation back
         * @description Needs the permission `invitations.write`.
         */
        delete: operations["deleteInvitationsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/invitations/{id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail an invitation again, with a new link
         * @description The link before is worthless; the new one is good for 72 hours.
         *
         *     Needs the permission `invitations.write`.
         */
        post: operations["postInvitationsIdResend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node/beat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell how a node is, and hear what it has to do
         * @description Every 5 seconds, with the credential of the join as the bearer token. A node that is silent for 30 seconds is gone and its sessions are lost.
         *
         *     Open to everybody: the credential of the node is checked.
         */
        post: operations["postNodeBeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Join the fleet with a join token
         * @description Open to everybody: the join token in the body is checked.
         */
        post: operations["postNodeJoin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Leave the fleet, at once and in order
         * @description With the credential of the join as the bearer token. What sessions it has left end as lost; a machine of the pool is ended. The node may come back with a beat until then.
         *
         *     Open to everybody: the credential of the node is checked.
         */
        post: operations["postNodeLeave"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node/recordings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep a part of a session’s recording
         * @description Open to everybody: the credential of the node is checked.
         */
        post: operations["postNodeRecordings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/node/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell what became of the sessions of a node
         * @description Open to everybody: the credential of the node is checked.
         */
        post: operations["postNodeReports"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/operations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show how far long work has come
         * @description With `Accept: text/event-stream` the answer is a stream of `operation` events that ends with the operation, or after 10 minutes.
         *
         *     Open to everybody who is signed in: whoever started the operation.
         */
        get: operations["getOperationsId"];
        put?: never;
        post?: never;
        /**
         * Cancel long work
         * @description Whoever started it may. What is done stays done, and what is being done this moment is finished first. A recovery action that looks at no progress runs to its end.
         *
         *     Open to everybody who is signed in: whoever started the operation. API keys may not.
         */
        delete: operations["deleteOperationsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pdf": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Print a page to PDF, without a session
         * @description Makes a session for this one page and ends it before the answer. Answers with the bytes, or with JSON for `Accept: application/json`.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postPdf"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the roles and what each may do
         * @description Roles are part of the product, so the list is the same for everybody and has one page.
         *
         *     Open to everybody who is signed in: the same list that the documentation prints.
         */
        get: operations["getRoles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/screenshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a screenshot of a page, without a session
         * @description Makes a session for this one page and ends it before the answer. Answers with the bytes, or with JSON for `Accept: application/json`.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postScreenshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sessions, newest first
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessions"];
        put?: never;
        /**
         * Start a browser
         * @description Answers once the browser is ready. It has a process, a profile and a temporary directory of its own. When every place is taken the session waits its turn, and the call with it, unless `wait` is false.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a session
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsId"];
        put?: never;
        post?: never;
        /**
         * End a session and wipe what it left
         * @description The answer counts what is left on the machine: all zero. Ending an ended session answers the same again.
         *
         *     Needs the permission `sessions.write`.
         */
        delete: operations["deleteSessionsId"];
        options?: never;
        head?: never;
        /**
         * Change a session that runs or waits
         * @description What is left out stays. `revokeUrls` makes new addresses and cuts what is open by the old ones.
         *
         *     Needs the permission `sessions.write`.
         */
        patch: operations["patchSessionsId"];
        trace?: never;
    };
    "/api/v1/sessions/{id}/back": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go back to the page before
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdBack"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run several commands one after another
         * @description Each is run and recorded as if it had been sent by itself; its outcome is in `results`, and the answer is 200 even when it failed.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/click": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Click an element or a point
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdClick"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * History of a session’s commands, newest first
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdCommands"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/console": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch what the pages of a recorded session wrote to the console
         * @description One line for each message.
         *
         *     Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdConsole"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/control": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show who has control of a session
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdControl"];
        put?: never;
        /**
         * Ask for control of a session
         * @description While somebody has control, only they can drive the pages, by commands, CDP and the live view alike. It is granted at once when nobody has it, otherwise in turn; it ends by itself after `seconds`.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdControl"];
        /**
         * Return control of a session, or stop waiting for it
         * @description Needs the permission `sessions.write`.
         */
        delete: operations["deleteSessionsIdControl"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/cookies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read, set or clear cookies
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdCookies"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/dialog": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer the dialog that holds the page
         * @description Does not wait for other commands of the session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdDialog"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/downloads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what the pages of a session have downloaded
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdDownloads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/downloads/{downloadId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch a downloaded file
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdDownloadsDownloadId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/execute": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run JavaScript in the page
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdExecute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/extract": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read the page as data, Markdown, text or HTML
         * @description Selectors are CSS and look in the main document. What `schema` names is read as it is, without waiting.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdExtract"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/forward": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go forward again
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdForward"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/har": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch the requests of a recorded session as a HAR 1.2
         * @description Needs a recording with `network`. Cookies and authorization are masked.
         *
         *     Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdHar"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch the pages of a session by your own right (WebSocket)
         * @description As `liveUrl` does, in your own name; who has the permission `sessions.write` may take control.
         *
         *     Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/navigate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go to a URL
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdNavigate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/pdf": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Print the page to PDF
         * @description Answers with the PDF itself for `Accept: application/pdf`. At most 50 MiB.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdPdf"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/recording": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the recording of a session, part by part
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdRecording"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/reload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Load the page anew
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdReload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/screenshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a screenshot
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdScreenshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/scroll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Scroll the page or an element
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdScroll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the page shows now
         * @description Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/tabs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * List, open, close or activate tabs
         * @description Works also while a dialog or a looping script holds the page.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdTabs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/trace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch a recorded session as a trace for Playwright’s trace viewer
         * @description Open it with `npx playwright show-trace`, or at trace.playwright.dev.
         *
         *     Needs the permission `sessions.read`.
         */
        get: operations["getSessionsIdTrace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/type": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Type text
         * @description Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdType"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/upload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give files to the browser
         * @description With `selector` they are set on that file input. At most 50 MiB at once and 500 MiB in a session.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/urls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make addresses of a session that allow less
         * @description For those who may do less than you: an `observer` sees and changes nothing, `noCookies` drives without the cookies, a live view that may only `watch`. They end with the session, or when its addresses are revoked.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdUrls"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/wait": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Wait for something on the page
         * @description For exactly one thing, through navigations of the page too.
         *
         *     Needs the permission `sessions.write`.
         */
        post: operations["postSessionsIdWait"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the signed-in user
         * @description For an API key, the user who made it: the key acts in that name.
         *
         *     Open to everybody who is signed in: everybody sees and changes their own profile.
         */
        get: operations["getUsersMe"];
        /**
         * Change the name or the settings of the signed-in user
         * @description Members that are left out stay as they are; `null` removes a name. What was read may be sent back whole: read-only members are accepted when they are unchanged.
         *
         *     Open to everybody who is signed in: everybody sees and changes their own profile. API keys may not.
         */
        put: operations["putUsersMe"];
        post?: never;
        /**
         * Have your own user deleted
         * @description Needs a fresh proof. You are signed out everywhere, and your API keys end. Until `restoreUntil` the link that is mailed to you restores the user; then everything that is kept about you is erased, accounts included that nobody else works in.
         *
         *     Open to everybody who is signed in: everybody may leave. API keys may not.
         */
        delete: operations["deleteUsersMe"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/avatar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Set your picture
         * @description A JPEG, PNG, WebP, AVIF or GIF (its first frame) of at most 5 MiB and 36 megapixels. What is kept is a square of 512 pixels, cut from the middle, without what the file told beside its pixels.
         *
         *     Open to everybody who is signed in: everybody chooses their own picture. API keys may not.
         */
        put: operations["putUsersMeAvatar"];
        post?: never;
        /**
         * Remove your picture
         * @description Open to everybody who is signed in: everybody chooses their own picture. API keys may not.
         */
        delete: operations["deleteUsersMeAvatar"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the devices that you are signed in on
         * @description The one used last comes first; there are 20 at most.
         *
         *     Open to everybody who is signed in: everybody sees and signs out their own devices. API keys may not.
         */
        get: operations["getUsersMeDevices"];
        put?: never;
        post?: never;
        /**
         * Sign out all your devices but this one
         * @description Their tokens count nowhere any more after 5 seconds.
         *
         *     Open to everybody who is signed in: everybody sees and signs out their own devices. API keys may not.
         */
        delete: operations["deleteUsersMeDevices"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Sign out one of your devices
         * @description Its tokens count nowhere any more after 5 seconds.
         *
         *     Open to everybody who is signed in: everybody sees and signs out their own devices. API keys may not.
         */
        delete: operations["deleteUsersMeDevicesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Export what is kept about you
         * @description Needs a fresh proof. The work goes on after the answer: follow it at `Location`; a mail tells when it is done. One at a time, and three a day. The export is deleted after 7 days.
         *
         *     Open to everybody who is signed in: everybody gets a copy of their own data. API keys may not.
         */
        post: operations["postUsersMeExport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/export/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an export of your data
         * @description Open to everybody who is signed in: everybody gets a copy of their own data. API keys may not.
         */
        get: operations["getUsersMeExportId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/export/{id}/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get an address to download your data from
         * @description Needs a fresh proof. The address works for 5 minutes.
         *
         *     Open to everybody who is signed in: everybody gets a copy of their own data. API keys may not.
         */
        post: operations["postUsersMeExportIdDownload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the identities at providers that you sign in with
         * @description Open to everybody who is signed in: everybody chooses how they sign in. API keys may not.
         */
        get: operations["getUsersMeIdentities"];
        put?: never;
        /**
         * Link an identity, with the code that followed the visit to a provider
         * @description `POST /v1/auth/oauth/{provider}/link` begins the visit.
         *
         *     Open to everybody who is signed in: everybody chooses how they sign in. API keys may not.
         */
        post: operations["postUsersMeIdentities"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/identities/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Unlink an identity
         * @description Refused when you could not sign in without it. Other devices that came in by a provider are signed out.
         *
         *     Open to everybody who is signed in: everybody chooses how they sign in. API keys may not.
         */
        delete: operations["deleteUsersMeIdentitiesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take back the deletion of your user with the token that was mailed
         * @description The token works once, until the day that the mail names. Nobody is signed in by it: sign in as before. Who has lost the mail gets another one from `POST /v1/auth/forgot-password`.
         *
         *     Open to everybody: the mailed token is the credential.
         */
        post: operations["postUsersMeRestore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/sign-ins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List who has signed in or tried to as you, newest first
         * @description Each attempt of the last 90 days, with where it came from and how it ended.
         *
         *     Open to everybody who is signed in: everybody sees and signs out their own devices. API keys may not.
         */
        get: operations["getUsersMeSignIns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the settings of the signed-in user
         * @description Open to everybody who is signed in: everybody sees and changes their own profile. API keys may not.
         */
        get: operations["getUsersSettings"];
        /**
         * Change settings of the signed-in user
         * @description Members that are left out stay as they are; one that is given is replaced as a whole.
         *
         *     Open to everybody who is signed in: everybody sees and changes their own profile. API keys may not.
         */
        put: operations["putUsersSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show yourself, or a user whom you may see
         * @description That of others takes `users.read`, and comes without their settings.
         *
         *     Open to everybody who is signed in: everybody has their own user; that of others takes `users.read` and more. API keys may not.
         */
        get: operations["getUsersId"];
        /**
         * Change yourself, or the name of a user whom you look after
         * @description As `PUT /v1/users/me` for yourself. That of others takes `users.write`.
         *
         *     Open to everybody who is signed in: everybody has their own user; that of others takes `users.read` and more. API keys may not.
         */
        put: operations["putUsersId"];
        post?: never;
        /**
         * Have yourself deleted, or a user whom you look after
         * @description As `DELETE /v1/users/me` for yourself. That of others takes `users.delete` and a fresh proof; only who may do that can take it back.
         *
         *     Open to everybody who is signed in: everybody has their own user; that of others takes `users.read` and more. API keys may not.
         */
        delete: operations["deleteUsersId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/activity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what a user did and what was done to them, the newest first
         * @description Everybody sees their own, by their id or as `me`, in all accounts. Who holds `users.read` sees that of others; a reseller only what happened in the account below its own that the user acts for. With it come figures of what the user used.
         *
         *     Open to everybody who is signed in: everybody sees their own activity; that of others takes `users.read`. API keys may not.
         */
        get: operations["getUsersIdActivity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cdp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Connect to a browser of its own (WebSocket, DevTools protocol)
         * @description Makes a browser, which ends when the connection does. Needs the permission `sessions.write`: an API key as `apiKey`, or an Authorization header.
         *
         *     Open to everybody: its credential, asked for at the upgrade, may be in the query.
         */
        get: operations["getCdp"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cdp/json/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find the DevTools WebSocket of a new browser
         * @description For `browserURL` of Puppeteer and an `http:` address in Playwright. No browser is made before the WebSocket is opened. Needs the permission `sessions.write`: an API key as `apiKey`, or an Authorization header.
         *
         *     Open to everybody: its credential may be in the query.
         */
        get: operations["getCdpJsonVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cdp/{id}/{secret}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Connect to the browser of a session (WebSocket, DevTools protocol)
         * @description The `cdpUrl` of a session, for Puppeteer, Playwright and other clients.
         *
         *     Open to everybody: the address holds a secret.
         */
        get: operations["getCdpIdSecret"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cdp/{id}/{secret}/json/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find the DevTools WebSocket of a session
         * @description The `cdpUrl` of the session itself, for clients that ask an `http:` address first.
         *
         *     Open to everybody: the address holds a secret.
         */
        get: operations["getCdpIdSecretJsonVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/console/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Load a file of the console
         * @description Open to everybody: part of the console page.
         */
        get: operations["getConsoleFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/console/{folder}/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Load a file of one part of the console
         * @description Open to everybody: part of the console page.
         */
        get: operations["getConsoleFolderFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show whether everything works, check by check
         * @description Answers 200 when the product works, also with less (`degraded`), and 503 with the same body when a critical check fails. What is shown is at most 1 s old.
         *
         *     Open to everybody: load balancers and people ask before anybody can sign in.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tell that the process answers, whatever it depends on
         * @description Open to everybody: liveness probe.
         */
        get: operations["getHealthLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tell whether to send traffic here
         * @description Open to everybody: readiness probe.
         */
        get: operations["getHealthReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/{check}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one check
         * @description Answers 503 with the same body when the check fails.
         *
         *     Open to everybody: monitoring of one dependency.
         */
        get: operations["getHealthCheck"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/live/{id}/{secret}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch the pages of a session, and drive them (WebSocket)
         * @description The `liveUrl` of a session.
         *
         *     Open to everybody: the address holds a secret.
         */
        get: operations["getLiveIdSecret"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the metrics in Prometheus form
         * @description For this machine, the addresses of `METRICS_ALLOW`, and whoever sends `METRICS_TOKEN` as a bearer token.
         *
         *     Open to everybody: guarded by address or by its own token instead of an account.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AcceptInvitation: {
            token: string;
            /**
             * Format: password
             * @description For whoever has no user yet; others sign in and accept with that token
             */
            password?: string;
            firstName?: string;
            lastName?: string;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        AcceptedInvitation: {
            invitation: components["schemas"]["Invitation"];
            user: components["schemas"]["User"];
            /** @description For a user that was made just now */
            accessToken?: string;
            refreshToken?: string;
            /** @description In place of both, with `session: "cookie"` */
            csrfToken?: string;
            expiresInSeconds?: number;
        };
        Account: {
            /** @description Id of an account */
            id: string;
            name: string;
            /** @enum {string} */
            kind: "personal" | "organisation" | "reseller";
            /** @enum {string} */
            tier: "free" | "premium" | "enterprise";
            /** @description The account above it */
            parentId?: string;
            /**
             * @description Of the caller, who is a member
             * @enum {string}
             */
            role?: "viewer" | "member" | "admin" | "owner";
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        AccountChange: {
            name?: string;
            /**
             * @description Changed by the operator only
             * @enum {string}
             */
            kind?: "organisation" | "reseller";
            /** @description Where it is to lie; `null`, which the operator alone may give, for nowhere */
            parentId?: string | null;
        };
        AccountPage: {
            items: components["schemas"]["Account"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        Activity: {
            /** @description `evt_…` */
            id: string;
            /** Format: date-time */
            at: string;
            /** @description The kind of the event: `session.ended` */
            action: string;
            accountId?: string;
            /** @description What was acted on */
            target?: string;
            /** @enum {string} */
            result: "succeeded" | "refused" | "failed";
            address?: string;
            agent?: string;
            data: unknown;
            /**
             * @description There when something that told of a person was erased
             * @constant
             */
            erased?: true;
            /** @description `user` and `key`: the user whom it is about, or a key of theirs */
            by: {
                /** @enum {string} */
                kind: "user" | "key" | "staff_or_member" | "anonymous" | "system";
                keyId?: string;
            };
        };
        AdminUser: {
            /** @description `usr_…` */
            id: string;
            email: string;
            emailVerified: boolean;
            firstName?: string;
            lastName?: string;
            /** @description Path on this server; another one for each picture */
            avatarUrl?: string;
            /**
             * @description Of the account
             * @enum {string}
             */
            tier: "free" | "premium" | "enterprise";
            /** @description What each may do: `GET /v1/roles` */
            roles: string[];
            /** @description The account that the user acts for */
            accountId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            lastLoginAt?: string;
            /**
             * @description `active` users alone sign in; who is `leaving` is deleted after the days of grace
             * @enum {string}
             */
            status: "active" | "disabled" | "leaving";
            /** @description Whether they have set one up */
            secondFactor: boolean;
        };
        AdminUserChange: {
            firstName?: string | null;
            lastName?: string | null;
            id?: unknown;
            email?: unknown;
            emailVerified?: unknown;
            avatarUrl?: unknown;
            tier?: unknown;
            roles?: unknown;
            accountId?: unknown;
            createdAt?: unknown;
            updatedAt?: unknown;
            lastLoginAt?: unknown;
            status?: unknown;
            secondFactor?: unknown;
            accounts?: unknown;
            devices?: unknown;
            secondFactors?: unknown;
            lockedUntil?: unknown;
        };
        AdminUserDetails: {
            /** @description `usr_…` */
            id: string;
            email: string;
            emailVerified: boolean;
            firstName?: string;
            lastName?: string;
            /** @description Path on this server; another one for each picture */
            avatarUrl?: string;
            /**
             * @description Of the account
             * @enum {string}
             */
            tier: "free" | "premium" | "enterprise";
            /** @description What each may do: `GET /v1/roles` */
            roles: string[];
            /** @description The account that the user acts for */
            accountId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            lastLoginAt?: string;
            /**
             * @description `active` users alone sign in; who is `leaving` is deleted after the days of grace
             * @enum {string}
             */
            status: "active" | "disabled" | "leaving";
            /** @description Whether they have set one up */
            secondFactor: boolean;
            /** @description That they are a member of, as far as you reach; 100 at most */
            accounts: {
                /** @description Id of an account */
                id: string;
                name: string;
                kind: string;
                /**
                 * @description What each may do: `GET /v1/roles`, under `account-…`
                 * @enum {string}
                 */
                role: "viewer" | "member" | "admin" | "owner";
            }[];
            /** @description That are signed in */
            devices: number;
            secondFactors: {
                authenticatorApp: boolean;
                passkeys: number;
                backupCodesLeft: number;
            };
            /**
             * Format: date-time
             * @description Too many wrong passwords came: until then every password counts as wrong
             */
            lockedUntil?: string;
        };
        AdminUserPage: {
            items: components["schemas"]["AdminUser"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
            /** @description On the first page: how many there are; 10,000 stands for that many or more */
            total?: number;
        };
        Alert: {
            id: string;
            /** @enum {string} */
            kind: "decryption_failed" | "decryption_failed_widely" | "many_exports" | "export_without_second_factor" | "many_misses";
            /** @description Id of the account, user or key that it is about, or `installation` */
            subject: string;
            accountId?: string;
            /** @enum {string} */
            state: "open" | "acknowledged";
            detail: string;
            /** @description How often it was raised while it is open */
            times: number;
            /** Format: date-time */
            raisedAt: string;
            /** Format: date-time */
            lastRaisedAt: string;
            /** Format: date-time */
            acknowledgedAt?: string;
            acknowledgedBy?: string;
        };
        Allowlist: {
            ranges: {
                range: string;
                description: string;
                /** @description Id of a user */
                addedBy: string;
                /** Format: date-time */
                addedAt: string;
            }[];
            /** @description `ADMIN_ALLOWLIST` of this process: allowed beside the ranges, and never blocked */
            configured: string[];
            /** @description Where this request came from */
            yourAddress: string;
        };
        AllowlistChange: {
            /** @description All of them; none opens the admin API to every address */
            ranges: {
                /** @description An address or a range, of IPv4 or IPv6 */
                range: string;
                /**
                 * @description Whose address it is
                 * @default
                 */
                description: string;
            }[];
        };
        AnswerDialog: {
            /** @enum {string} */
            action: "accept" | "dismiss";
            /** @description Entered in a prompt that is accepted */
            promptText?: string;
            /** @description Answers up to so many that come one after another; 1 unless given */
            repeat?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        ApiKey: {
            /** @description Id of an API key */
            id: string;
            accountId: string;
            name: string;
            /** @enum {string} */
            mode: "live" | "test";
            /** @description The first 12 characters of the key */
            prefix: string;
            scopes: string[];
            allowedAddresses: string[];
            /**
             * @description `rotated`: it has a successor, and counts until `overlapEndsAt`
             * @enum {string}
             */
            status: "active" | "rotated" | "expired" | "revoked";
            /** @description The user in whose name it acts */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /**
             * Format: date-time
             * @description Up to a minute behind
             */
            lastUsedAt?: string;
            lastUsedIp?: string;
            /** Format: date-time */
            revokedAt?: string;
            /** @description Id of an API key */
            replacedBy?: string;
            /** Format: date-time */
            overlapEndsAt?: string;
        };
        ApiKeyPage: {
            items: components["schemas"]["ApiKey"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        AskForPasskey: {
            /** @description Of a sign-in that awaits its second factor; left out to sign in by passkey alone */
            challengeId?: string;
        };
        AuditEntry: {
            /** @description `evt_…` */
            id: string;
            /** Format: date-time */
            at: string;
            actor: {
                /** @enum {string} */
                kind: "anonymous" | "system" | "user" | "key";
                /** @description Of a part of the product */
                name?: string;
                userId?: string;
                keyId?: string;
                /** @description When it happened */
                roles?: string[];
            };
            /** @description The kind of the event: `session.ended` */
            action: string;
            accountId?: string;
            /** @description What was acted on */
            target?: string;
            /** @enum {string} */
            result: "succeeded" | "refused" | "failed";
            address?: string;
            agent?: string;
            correlationId?: string;
            data: unknown;
            /**
             * @description There when something that told of a person was erased
             * @constant
             */
            erased?: true;
            /** @description Place in the hash chain; absent for a second or two */
            sequence?: number;
            hash?: string;
        };
        AuditHead: {
            /**
             * Format: date
             * @description The day that was over, UTC
             */
            day: string;
            /** @description How far the chain went */
            lastSequence: number;
            /** @description Of that link */
            hash: string;
            /** @description Of the head before */
            previousSignature: string | null;
            /** @description Ed25519 */
            signature: string;
            /** @description SHA-256 of the public key */
            keyId: string;
            publicKey: string;
            /** Format: date-time */
            signedAt: string;
        };
        AuthenticatorAppEnrolment: {
            /** @description Base32, for typing it by hand */
            secret: string;
            /** @description `otpauth://totp/…`: what the QR code holds */
            uri: string;
            /** @description The QR code as an SVG picture */
            qrSvg: string;
            /**
             * Format: date-time
             * @description Until when its first code is awaited
             */
            expiresAt: string;
        };
        BackupCodes: {
            /** @description Shown this once; each signs in once in place of a second factor */
            backupCodes: string[];
        };
        Batch: {
            commands: ({
                /** @constant */
                type: "navigate";
                /** @example https://example.com/ */
                url: string;
                /**
                 * @description load unless given
                 * @enum {string}
                 */
                waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
                /** @description When a dialog holds the page, closes its tab and opens the URL in a fresh one */
                dismissDialog?: boolean;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "click";
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                x?: number;
                y?: number;
                /** @enum {string} */
                button?: "left" | "right" | "middle";
                clickCount?: number;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "type";
                /**
                 * @description The focused element unless given
                 * @example #submit
                 */
                selector?: string;
                text: string;
                /** @description Empties the field first */
                clear?: boolean;
                /** @description Between key presses */
                delayMs?: number;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "screenshot";
                /**
                 * @description png unless given
                 * @enum {string}
                 */
                format?: "png" | "jpeg" | "webp";
                /** @description Of jpeg and webp */
                quality?: number;
                /** @description The whole page, not only what is in view */
                fullPage?: boolean;
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "execute";
                /**
                 * @description An expression, a function, or statements with `return`; `args` are its arguments
                 * @example document.title
                 */
                script: string;
                args?: unknown[];
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "scroll";
                /** @description Pixels to the right, negative for the left */
                x?: number;
                /** @description Pixels down, negative for up */
                y?: number;
                /**
                 * @description Brought into view; with x or y, its own content is moved
                 * @example #submit
                 */
                selector?: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "pdf";
                /**
                 * @description letter unless given
                 * @enum {string}
                 */
                paper?: "letter" | "legal" | "tabloid" | "ledger" | "a0" | "a1" | "a2" | "a3" | "a4" | "a5" | "a6";
                /** @description A paper of any size, instead of a named one */
                sizeMm?: {
                    width: number;
                    height: number;
                };
                landscape?: boolean;
                /** @description 10 on every side unless given */
                marginsMm?: {
                    top?: number;
                    right?: number;
                    bottom?: number;
                    left?: number;
                };
                /** @description 1 unless given */
                scale?: number;
                /** @description Prints background colours and pictures too */
                background?: boolean;
                /**
                 * @description All pages unless given
                 * @example 1-5, 8
                 */
                pageRanges?: string;
                /**
                 * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
                 * @example <span style="font-size: 8px" class="pageNumber"></span>
                 */
                headerTemplate?: string;
                /**
                 * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
                 * @example <span style="font-size: 8px" class="pageNumber"></span>
                 */
                footerTemplate?: string;
                /** @description The size that the page’s own @page rule names wins */
                preferCssPageSize?: boolean;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "wait";
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                /**
                 * @description What the first match of selector is to be; visible unless given
                 * @enum {string}
                 */
                state?: "visible" | "hidden" | "attached" | "detached";
                /** @description Text that can be read on the page, in any case */
                text?: string;
                /**
                 * @description A whole URL, or a pattern: * is anything but a slash, ** is anything
                 * @example https://example.com/orders/*
                 */
                url?: string;
                /**
                 * @description The page has loaded and had no request under way for 500 ms
                 * @constant
                 */
                networkIdle?: true;
                /**
                 * @description JavaScript, as of execute; looked at again and again until it is truthy
                 * @example document.querySelectorAll(".item").length > 3
                 */
                function?: string;
                /** @description A pause */
                timeMs?: number;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "extract";
                /** @description What the answer is to hold, by name */
                schema?: {
                    [key: string]: components["schemas"]["ExtractField"];
                };
                /**
                 * @description The whole page, or the first match of selector, in this form
                 * @enum {string}
                 */
                format?: "markdown" | "text" | "html";
                /**
                 * @description Of format: waited for, then read alone
                 * @example h1
                 */
                selector?: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "upload";
                /** @description At most 50 MiB together */
                files: {
                    /**
                     * @description The part after the last slash counts
                     * @example cv.pdf
                     */
                    name: string;
                    /** @description Chromium tells it by the name unless given */
                    contentType?: string;
                    base64: string;
                }[];
                /**
                 * @description A file input that is given the files
                 * @example #submit
                 */
                selector?: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | ({
                /** @constant */
                type: "tabs";
                /** @constant */
                action: "list";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "tabs";
                /** @constant */
                action: "open";
                /** @example https://example.com/ */
                url?: string;
                /**
                 * @description load unless given
                 * @enum {string}
                 */
                waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "tabs";
                /** @constant */
                action: "close";
                /** @description From the list of tabs */
                tabId: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "tabs";
                /** @constant */
                action: "activate";
                /** @description From the list of tabs */
                tabId: string;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            }) | ({
                /** @constant */
                type: "cookies";
                /** @constant */
                action: "get";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
                /** @description Only cookies that would be sent to one of these */
                urls?: string[];
            } | {
                /** @constant */
                type: "cookies";
                /** @constant */
                action: "set";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
                cookies: components["schemas"]["NewCookie"][];
            } | {
                /** @constant */
                type: "cookies";
                /** @constant */
                action: "clear";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
                name?: string;
                /**
                 * @description With a dot in front, subdomains get it too
                 * @example .example.com
                 */
                domain?: string;
                path?: string;
            }) | {
                /** @constant */
                type: "back";
                /**
                 * @description load unless given
                 * @enum {string}
                 */
                waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "forward";
                /**
                 * @description load unless given
                 * @enum {string}
                 */
                waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "reload";
                /**
                 * @description load unless given
                 * @enum {string}
                 */
                waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            } | {
                /** @constant */
                type: "dialog";
                /** @enum {string} */
                action: "accept" | "dismiss";
                /** @description Entered in a prompt that is accepted */
                promptText?: string;
                /** @description Answers up to so many that come one after another; 1 unless given */
                repeat?: number;
                /** @description Longest wait in milliseconds */
                timeoutMs?: number;
            })[];
            /** @description true unless given: what comes after a failed command is skipped */
            stopOnError?: boolean;
            /** @description Longest time of all together in milliseconds; 60000 unless given */
            timeoutMs?: number;
        };
        /** @description One entry per command, in their order */
        BatchResult: {
            /** @description Id of a session */
            sessionId: string;
            results: {
                type: string;
                /** @enum {string} */
                status: "success" | "error" | "skipped";
                durationMs: number;
                /** @description As of the command by itself; images and PDFs as base64 */
                result?: {
                    [key: string]: unknown;
                };
                problem?: {
                    type: string;
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code: string;
                    category: string;
                    correlationId: string;
                    suggestion?: string;
                    errors?: {
                        path: string;
                        message: string;
                    }[];
                };
            }[];
        };
        Block: {
            id: string;
            range: string;
            /** @enum {string} */
            scope: "everything" | "sign_in";
            reason: string;
            expiresAt: string | null;
            /** @description Id of a user */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
        };
        Bootstrap: {
            token: string;
            /** Format: email */
            email: string;
            /** Format: password */
            password: string;
            firstName?: string;
            lastName?: string;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        BrowserCommand: {
            /** Format: starts_with */
            id: string;
            /** @description Id of a session */
            sessionId: string;
            /** @enum {string} */
            type: "navigate" | "click" | "type" | "screenshot" | "execute" | "scroll" | "pdf" | "wait" | "extract" | "upload" | "setContent" | "tabs" | "cookies" | "back" | "forward" | "reload" | "dialog";
            params: unknown;
            /** Format: date-time */
            startTime: string;
            /** Format: date-time */
            endTime?: string;
            /** @enum {string} */
            status: "pending" | "success" | "error";
            /** @description Without image bytes; cut beyond 16 KiB */
            result?: unknown;
            errorMessage?: string;
            /** @description The user or the API key that gave it */
            actor: string;
        };
        BrowserSession: {
            /** @description Id of a session */
            id: string;
            accountId: string;
            userId: string;
            /** @description The machine that runs it */
            instanceId?: string;
            /** @enum {string} */
            status: "queued" | "starting" | "active" | "closed" | "error";
            /**
             * Format: date-time
             * @description When the browser was ready
             */
            startTime?: string;
            /** Format: date-time */
            endTime?: string;
            /** Format: date-time */
            lastActivityTime: string;
            /**
             * Format: date-time
             * @description When it ends at the latest
             */
            expiresAt: string;
            timeoutSeconds: number;
            idleTimeoutSeconds: number;
            viewport: components["schemas"]["Viewport"];
            userAgent?: string;
            locale?: string;
            timezone?: string;
            currentUrl?: string;
            currentTitle?: string;
            errorMessage?: string;
            /** @description One of asked, idle, timeout, disconnected, server_stopped, user_deleted, account_deleted, user_disabled, queue_timeout, launch_failed, crashed, memory, disk, lost */
            endReason?: string;
            /** @description Place in the queue, from 1 */
            queuePlace?: number;
            /** @description For puppeteer.connect and chromium.connectOverCDP; who has it may drive the browser */
            cdpUrl?: string;
            /** @description WebSocket of the live view */
            liveUrl?: string;
            egress?: {
                allow?: string[];
                deny?: string[];
            };
            recording?: components["schemas"]["Recording"];
            metadata: {
                [key: string]: string;
            };
            wipe?: components["schemas"]["WipeReport"];
            /** Format: date-time */
            createdAt: string;
        };
        /** @description As Chromium describes itself at /json/version */
        BrowserVersion: {
            /** @description Chrome, with its version where that is known */
            Browser: string;
            "Protocol-Version": string;
            "User-Agent"?: string;
            "V8-Version"?: string;
            /** @description Leads where the request was sent to, with the credential of its query */
            webSocketDebuggerUrl: string;
        };
        BulkUserChange: {
            /** @constant */
            operation: "deactivate";
            /**
             * @description Why: it is kept with the event
             * @example Ticket 4711
             */
            reason?: string;
            /** @description Each of them once */
            userIds: string[];
        } | {
            /** @constant */
            operation: "reactivate";
            /** @description Each of them once */
            userIds: string[];
        } | {
            /** @constant */
            operation: "tier";
            /** @enum {string} */
            tier: "free" | "premium" | "enterprise";
            /** @description Each of them once */
            userIds: string[];
        } | {
            /** @constant */
            operation: "roles";
            /** @description Over the installation: `GET /v1/roles` */
            roles: ("support" | "admin" | "super-admin")[];
            /** @description Each of them once */
            userIds: string[];
        } | {
            /** @constant */
            operation: "delete";
            /** @description Each of them once */
            userIds: string[];
        } | {
            /** @constant */
            operation: "create";
            users: components["schemas"]["CreateUser"][];
        };
        BulkUserRow: {
            /** @description As it was sent, from 0 */
            row: number;
            /** @description Absent until a new user is made */
            userId?: string;
            /** @description Of a user to be made */
            email?: string;
            /**
             * @description `unchanged`: it was so already
             * @enum {string}
             */
            status: "waiting" | "done" | "unchanged" | "refused";
            /** @description Of the refusal */
            code?: string;
            detail?: string;
        };
        ChangeEmail: {
            /** Format: email */
            newEmail: string;
            /** Format: password */
            password: string;
        };
        ChangePassword: {
            /** Format: password */
            currentPassword: string;
            /** Format: password */
            newPassword: string;
        };
        ChangeSession: {
            /** @description Longest life, counted from its start */
            timeoutSeconds?: number;
            idleTimeoutSeconds?: number;
            /** @description Takes the place of the earlier lists; the proxy stays */
            egress?: {
                /** @description As at creation */
                allow?: string[];
                /** @description As at creation */
                deny?: string[];
            };
            /** @description Your own labels */
            metadata?: {
                [key: string]: string;
            };
            /**
             * @description Ends every cdpUrl and liveUrl given so far, and what is open by them
             * @constant
             */
            revokeUrls?: true;
        };
        CheckReport: {
            /** @enum {string} */
            status: "ok" | "degraded" | "failing";
            /** @description What is looked at */
            what: string;
            /** @description Whether the product is down while this fails */
            critical: boolean;
            /** @description For an operator */
            detail?: string;
            /** @description Of the look */
            durationMs: number;
        };
        Click: {
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            x?: number;
            y?: number;
            /** @enum {string} */
            button?: "left" | "right" | "middle";
            clickCount?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        CommandPage: {
            items: components["schemas"]["BrowserCommand"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        ControlState: {
            /**
             * @description What came of the call
             * @enum {string}
             */
            outcome?: "granted" | "waiting" | "returned" | "withdrawn";
            /** @description Absent while everybody may drive */
            holder?: components["schemas"]["Holder"];
            /** Format: date-time */
            grantedAt?: string;
            /** Format: date-time */
            expiresAt?: string;
            /** @description Who waits for it */
            requests: ({
                holder: components["schemas"]["Holder"];
            } & {
                [key: string]: unknown;
            })[];
        };
        /** @description A sign-in whose tokens are cookies */
        CookieSession: {
            user: components["schemas"]["User"];
            /** @description Goes into `X-CSRF-Token` of every request that may change something */
            csrfToken: string;
            /** @description Until the next `POST /v1/auth/refresh` */
            expiresInSeconds: number;
        };
        CookiesCommand: {
            /** @constant */
            action: "get";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Only cookies that would be sent to one of these */
            urls?: string[];
        } | {
            /** @constant */
            action: "set";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            cookies: components["schemas"]["NewCookie"][];
        } | {
            /** @constant */
            action: "clear";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            name?: string;
            /**
             * @description With a dot in front, subdomains get it too
             * @example .example.com
             */
            domain?: string;
            path?: string;
        };
        CookiesResult: {
            /** @description Id of a session */
            sessionId: string;
            /** @description Of get; can be set again as they are */
            cookies?: {
                name: string;
                value: string;
                domain: string;
                path: string;
                expires?: number;
                httpOnly: boolean;
                secure: boolean;
                /** @enum {string} */
                sameSite?: "Strict" | "Lax" | "None";
                partitionKey?: {
                    topLevelSite: string;
                    hasCrossSiteAncestor: boolean;
                };
            }[];
            /** @description How many were set or cleared */
            count?: number;
        };
        CreateAccount: {
            /**
             * @description How people know it
             * @example Analytical Engines
             */
            name: string;
            /**
             * @description A `reseller` has accounts below it; only the operator makes one
             * @default organisation
             * @enum {string}
             */
            kind: "organisation" | "reseller";
            /** @description The reseller that it is to lie below; nobody is its member at first */
            parentId?: string;
        };
        CreateApiKey: {
            /**
             * @description What it is for
             * @example nightly price check
             */
            name: string;
            /**
             * @description What is done with test keys is not billed
             * @default live
             * @enum {string}
             */
            mode: "live" | "test";
            /**
             * @description Permissions that the key has, as far as whoever made it holds them: `GET /v1/roles`
             * @example [
             *       "sessions.*"
             *     ]
             */
            scopes: string[];
            /**
             * Format: date-time
             * @description When it ends; 5 years ahead at most, 90 days unless given
             */
            expiresAt?: string;
            /**
             * @description Addresses and ranges that it counts from; anywhere when empty
             * @default []
             */
            allowedAddresses: string[];
        };
        CreateBlock: {
            /** @description An address or a range, of IPv4 or IPv6 */
            range: string;
            /**
             * @description `sign_in` closes what signs people in and leaves them what they have
             * @default everything
             * @enum {string}
             */
            scope: "everything" | "sign_in";
            reason: string;
            /**
             * Format: date-time
             * @description When it ends; without it, it stays until it is lifted
             */
            expiresAt?: string;
        };
        CreateInvitation: {
            /** Format: email */
            email: string;
            /** @description The account that `role` is in: the one that you act for unless given */
            accountId?: string;
            /**
             * @description What each may do: `GET /v1/roles`, under `account-…`
             * @enum {string}
             */
            role?: "viewer" | "member" | "admin" | "owner";
            /**
             * @description To run the installation; with it, `role` may be left out
             * @enum {string}
             */
            platformRole?: "support" | "admin" | "super-admin";
        };
        CreateJoinToken: {
            name: string;
            /** @default false */
            multiUse: boolean;
            /** @default 60 */
            expiresInMinutes: number;
        };
        CreateSession: {
            viewport?: components["schemas"]["Viewport"];
            userAgent?: string;
            /**
             * @description Language that pages see, as a BCP 47 tag
             * @example de-DE
             */
            locale?: string;
            /**
             * @description Time zone that pages see
             * @example Europe/Berlin
             */
            timezone?: string;
            /** @description Longest life; 3600 unless given */
            timeoutSeconds?: number;
            /** @description Ends this long after the last command; 600 unless given */
            idleTimeoutSeconds?: number;
            /** @description How long it may wait for a place when every one is taken; 60 unless given, 0 to be refused at once */
            queueTimeoutSeconds?: number;
            /** @description false: the answer comes at once, with `status: queued` and the place in the queue when every place is taken */
            wait?: boolean;
            egress?: components["schemas"]["Egress"];
            recording?: components["schemas"]["Recording"];
            /** @description Your own labels */
            metadata?: {
                [key: string]: string;
            };
        };
        CreateUser: {
            /** Format: email */
            email: string;
            firstName?: string;
            lastName?: string;
            /** @description The account that they are to work in; one of their own unless given */
            accountId?: string;
            /**
             * @description In that account; `member` unless given
             * @enum {string}
             */
            role?: "viewer" | "member" | "admin" | "owner";
        };
        DataExport: {
            /** @description `exp_…` */
            id: string;
            /** @enum {string} */
            status: "making" | "ready" | "failed";
            bytes?: number;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            readyAt?: string;
            /**
             * Format: date-time
             * @description When it is deleted
             */
            expiresAt: string;
        };
        DeactivateUser: {
            /**
             * @description Why: it is kept with the event
             * @example Ticket 4711
             */
            reason?: string;
        };
        Departing: {
            /**
             * Format: date-time
             * @description Until then the user can be restored
             */
            restoreUntil: string;
        };
        DevMail: {
            /** @description `mail_…` */
            id: string;
            to: string;
            template: string;
            subject: string;
            /** Format: date-time */
            createdAt: string;
            text: string;
            html: string;
        };
        DevMailSummary: {
            /** @description `mail_…` */
            id: string;
            to: string;
            template: string;
            subject: string;
            /** Format: date-time */
            createdAt: string;
        };
        Device: {
            /** @description `sgn_…` */
            id: string;
            userId: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description Moves on when the device is used
             */
            expiresAt: string;
            /**
             * Format: date-time
             * @description Of the last refresh
             */
            lastActivityAt: string;
            ipAddress?: string;
            userAgent?: string;
            /** @description Whether it sent this request */
            current: boolean;
        };
        DeviceList: {
            items: components["schemas"]["Device"][];
        };
        DialogResult: {
            /** @description Id of a session */
            sessionId: string;
            answered: {
                /** @enum {string} */
                type: "alert" | "confirm" | "prompt" | "beforeunload";
                message: string;
            }[];
            /** @description The one that holds the page now */
            dialog?: {
                /** @enum {string} */
                type: "alert" | "confirm" | "prompt" | "beforeunload";
                message: string;
            };
        };
        DisableAuthenticatorApp: {
            /** @description Six digits of the authenticator app, or a backup code */
            code: string;
        };
        /** @description A file that a page has downloaded */
        Download: {
            id: string;
            url: string;
            suggestedName: string;
            bytes: number;
            /** @enum {string} */
            status: "inProgress" | "completed" | "cancelled" | "refused";
            /** @description Why it was refused */
            reason?: string;
            /** Format: date-time */
            startedAt: string;
        };
        /** @description The newest 100 of the session, oldest first */
        Downloads: {
            items: components["schemas"]["Download"][];
            nextCursor: null;
        };
        /** @description The ways out of the session’s browser */
        Egress: {
            /** @description The only hosts that its pages may reach: names, `*.example.com`, addresses, CIDR ranges, each with `:port` if wanted */
            allow?: string[];
            /** @description Hosts that its pages may not reach; comes before `allow` */
            deny?: string[];
            /**
             * @description Proxy for all its traffic: http://, https:// or socks5://, with user and password
             * @example http://user:password@proxy.example.com:3128
             */
            proxy?: string;
        };
        EnrolAuthenticatorApp: {
            /** @description Needed to replace an app: a code of it, or a backup code */
            code?: string;
        };
        ErrorReport: {
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            until: string;
            total: number;
            byCode: {
                code: string;
                status: number;
                count: number;
            }[];
            byRoute: {
                /** @description `none` where no route answers the path */
                route: string;
                count: number;
            }[];
            /** @description Hour by hour; `serverErrors` are those with status 500 and above */
            trend: {
                /** Format: date-time */
                hour: string;
                count: number;
                serverErrors: number;
            }[];
        };
        Execute: {
            /**
             * @description An expression, a function, or statements with `return`; `args` are its arguments
             * @example document.title
             */
            script: string;
            args?: unknown[];
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        ExecuteResult: {
            /** @description Id of a session */
            sessionId: string;
            result: unknown;
        };
        ExportDownload: {
            /** @description Works without a token: pass it to nobody */
            url: string;
            /** Format: date-time */
            expiresAt: string;
        };
        Extract: {
            /** @description What the answer is to hold, by name */
            schema?: {
                [key: string]: components["schemas"]["ExtractField"];
            };
            /**
             * @description The whole page, or the first match of selector, in this form
             * @enum {string}
             */
            format?: "markdown" | "text" | "html";
            /**
             * @description Of format: waited for, then read alone
             * @example h1
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        /** @description A CSS selector whose first match gives its text, or a rule; null without a match */
        ExtractField: string | {
            /**
             * @description The element around it unless given
             * @example h1
             */
            selector?: string;
            /** @description Instead of the text; href and src come back as whole URLs */
            attribute?: string;
            /** @description A list of all matches, at most 1,000 */
            all?: boolean;
            /** @description What to read inside each match */
            fields?: {
                [key: string]: components["schemas"]["ExtractField"];
            };
        };
        ExtractResult: {
            /** @description Id of a session */
            sessionId: string;
            url: string;
            /** @description Of schema */
            data?: {
                [key: string]: unknown;
            };
            /** @description Of format */
            content?: string;
        };
        FeatureFlag: {
            name: string;
            /** @description One sentence */
            what: string;
            /**
             * Format: date-time
             * @description Absent while nobody has set it
             */
            updatedAt?: string;
            value: boolean;
            default: boolean;
        };
        FinishedCookieSession: {
            user: components["schemas"]["User"];
            /** @description Goes into `X-CSRF-Token` of every request that may change something */
            csrfToken: string;
            /** @description Until the next `POST /v1/auth/refresh` */
            expiresInSeconds: number;
            /** Format: date-time */
            rememberedUntil?: string;
            /** @description There when fewer than 3 are: make new ones */
            backupCodesLeft?: number;
        };
        FinishedSignIn: {
            user: components["schemas"]["User"];
            /** @description Goes into `Authorization: Bearer …` */
            accessToken: string;
            /** @description Buys the next pair of tokens, once */
            refreshToken: string;
            /** @description Of the access token */
            expiresInSeconds: number;
            /** Format: date-time */
            rememberedUntil?: string;
            /** @description There when fewer than 3 are: make new ones */
            backupCodesLeft?: number;
            /** @description Goes into later sign-ins of this device in place of a second factor */
            rememberToken?: string;
        };
        FlagChange: {
            /** @description `chg_…` */
            id: string;
            name: string;
            /** @description A user’s id, or `system` */
            changedBy: string;
            /** Format: date-time */
            at: string;
            /** @description Null where the default held */
            before: boolean | null;
            after: boolean;
        };
        /** @description On or off by name; what is not named stays */
        FlagValues: {
            [key: string]: boolean;
        };
        FlatClick: {
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            x?: number;
            y?: number;
            /** @enum {string} */
            button?: "left" | "right" | "middle";
            clickCount?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FlatExecute: {
            /**
             * @description An expression, a function, or statements with `return`; `args` are its arguments
             * @example document.title
             */
            script: string;
            args?: unknown[];
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FlatNavigate: {
            /** @example https://example.com/ */
            url: string;
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description When a dialog holds the page, closes its tab and opens the URL in a fresh one */
            dismissDialog?: boolean;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FlatScreenshot: {
            /**
             * @description png unless given
             * @enum {string}
             */
            format?: "png" | "jpeg" | "webp";
            /** @description Of jpeg and webp */
            quality?: number;
            /** @description The whole page, not only what is in view */
            fullPage?: boolean;
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FlatScroll: {
            /** @description Pixels to the right, negative for the left */
            x?: number;
            /** @description Pixels down, negative for up */
            y?: number;
            /**
             * @description Brought into view; with x or y, its own content is moved
             * @example #submit
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FlatType: {
            /**
             * @description The focused element unless given
             * @example #submit
             */
            selector?: string;
            text: string;
            /** @description Empties the field first */
            clear?: boolean;
            /** @description Between key presses */
            delayMs?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
            /** @description Id of a session */
            sessionId?: string;
        };
        FleetNode: {
            /** @description `nod_…` */
            id: string;
            /** @description `ins_…` */
            instanceId: string;
            /**
             * @description `gone`: it was silent for 30 seconds. `left`: it said that it goes
             * @enum {string}
             */
            status: "ready" | "draining" | "gone" | "left";
            /** @enum {string} */
            drainReason?: "asked" | "idle" | "spot" | "surplus" | "leaving" | "ending" | "restarting" | "rebooting";
            url?: string;
            fingerprint?: string;
            version: string;
            capacity: number;
            sessions: number;
            /** @description Places that a new session may take; 0 unless it is ready */
            free: number;
            /** Format: date-time */
            joinedAt: string;
            /** Format: date-time */
            lastBeatAt: string;
        };
        FleetPool: {
            /**
             * @default ec2
             * @enum {string}
             */
            provider: "local" | "ec2" | "kubernetes";
            /** @default 0 */
            min: number;
            /**
             * @description 0: the pool is left as it is
             * @default 0
             */
            max: number;
            /**
             * @description Machines kept free beyond the need
             * @default 0
             */
            spare: number;
            /** @default false */
            spot: boolean;
            /** @description One of those that are set up; the first of them unless given */
            region?: string;
            instanceType?: string;
            /**
             * @description A queue counts once its first session has waited that long
             * @default 5
             */
            queueSeconds: number;
            /** @default 60 */
            scaleOutCooldownSeconds: number;
            /** @default 300 */
            scaleInCooldownSeconds: number;
            /**
             * @description A machine without sessions for that long may go
             * @default 10
             */
            idleMinutes: number;
            /**
             * @description A machine whose node has not joined by then is replaced
             * @default 10
             */
            bootMinutes: number;
            version: number;
            /** Format: date-time */
            updatedAt: string;
            updatedBy: string | null;
            machines: {
                provisioning: number;
                ready: number;
                draining: number;
                unhealthy: number;
                stopping: number;
            };
        };
        ForgotPassword: {
            /** Format: email */
            email: string;
        };
        Grant: {
            permission: string;
            /** @description In the account that the role is held in (`own`), in those below it (`subtree`), or in every account */
            where: ("own" | "subtree" | "all")[];
            /** @description Also to staff who act as somebody with this role */
            lent: boolean;
        };
        Health: {
            /**
             * @description `failing` when a critical check fails, `degraded` when the product works with less
             * @enum {string}
             */
            status: "ok" | "degraded" | "failing";
            version: string;
            environment: string;
            /** @description What this process does */
            roles: string[];
            uptimeSeconds: number;
            /** @description By name */
            checks: {
                [key: string]: components["schemas"]["CheckReport"];
            };
        };
        /** @description Who has control of a session, or wants it */
        Holder: {
            /** @enum {string} */
            kind: "person" | "program";
            /** @description A user, an API key, or one connection */
            id: string;
            name?: string;
        };
        Impersonate: {
            /**
             * @description Why: it is kept with the event
             * @example Ticket 4711
             */
            reason: string;
        };
        Instance: {
            /** @description `ins_…` */
            id: string;
            /** @description The provider’s id; absent until it has made the machine */
            instanceId?: string;
            /** @enum {string} */
            provider: "local" | "ec2" | "kubernetes";
            /** @enum {string} */
            purpose: "pool" | "manual";
            /** @description The machine of a control plane itself */
            builtin: boolean;
            /** @description False for one that has joined by itself */
            managed: boolean;
            region?: string;
            /** @enum {string} */
            status: "provisioning" | "running" | "stopping" | "error" | "terminated";
            publicDnsName?: string;
            publicIpAddress?: string;
            privateIpAddress?: string;
            /** Format: date-time */
            launchTime: string;
            /** Format: date-time */
            lastActivityTime: string;
            instanceType?: string;
            spot: boolean;
            tags: {
                [key: string]: string;
            };
            /**
             * @description Of the machine and its node together; absent until the node has joined
             * @enum {string}
             */
            healthStatus?: "healthy" | "unhealthy";
            errorMessage?: string;
            assignedToUserId?: string;
            terminateAfterIdleMinutes?: number;
            sessions: number;
            capacity: number;
            /** Format: date-time */
            endTime?: string;
        };
        InstanceStatus: {
            id: string;
            instanceId?: string;
            /** @enum {string} */
            status: "provisioning" | "running" | "stopping" | "error" | "terminated";
            /** @enum {string} */
            healthStatus?: "healthy" | "unhealthy";
            /** @description The provider’s word now; absent when it could not be asked */
            providerStatus?: string;
            /** @enum {string} */
            providerHealth?: "healthy" | "unhealthy";
            node?: components["schemas"]["FleetNode"];
            errorMessage?: string;
            /** Format: date-time */
            checkedAt: string;
        };
        Invitation: {
            /** @description Id of an invitation */
            id: string;
            email: string;
            /** @description Id of an account */
            accountId?: string;
            /**
             * @description What each may do: `GET /v1/roles`, under `account-…`
             * @enum {string}
             */
            role?: "viewer" | "member" | "admin" | "owner";
            /**
             * @description Over the installation: `GET /v1/roles`
             * @enum {string}
             */
            platformRole?: "support" | "admin" | "super-admin";
            /** @enum {string} */
            status: "pending" | "accepted" | "expired" | "cancelled";
            /** @description Id of a user */
            invitedBy: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was mailed last
             */
            sentAt: string;
            timesSent: number;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            acceptedAt?: string;
            /** @description Id of a user */
            acceptedBy?: string;
            /** Format: date-time */
            cancelledAt?: string;
        };
        InvitationPage: {
            items: components["schemas"]["Invitation"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        Job: {
            id: string;
            name: string;
            /**
             * @description `retrying` waits for its next try; `dead` has used them all up
             * @enum {string}
             */
            status: "queued" | "retrying" | "active" | "completed" | "dead";
            priority: number;
            /** @description Tries after the first */
            retries: number;
            uniqueKey?: string;
            accountId?: string;
            correlationId?: string;
            progress?: {
                done: number;
                /** @description Absent while nobody knows */
                total?: number;
                note?: string;
            };
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description Not before this
             */
            startAfter: string;
            /** Format: date-time */
            startedAt?: string;
            /** Format: date-time */
            finishedAt?: string;
        };
        JobDetails: {
            id: string;
            name: string;
            /**
             * @description `retrying` waits for its next try; `dead` has used them all up
             * @enum {string}
             */
            status: "queued" | "retrying" | "active" | "completed" | "dead";
            priority: number;
            /** @description Tries after the first */
            retries: number;
            uniqueKey?: string;
            accountId?: string;
            correlationId?: string;
            progress?: {
                done: number;
                /** @description Absent while nobody knows */
                total?: number;
                note?: string;
            };
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description Not before this
             */
            startAfter: string;
            /** Format: date-time */
            startedAt?: string;
            /** Format: date-time */
            finishedAt?: string;
            sentBy: {
                /** @enum {string} */
                kind: "anonymous" | "system" | "user" | "key";
                name?: string;
                userId?: string;
            };
            /** @description Without what looks like a secret */
            input: unknown;
            /** @description Of the last try that failed */
            error?: unknown;
        };
        JoinToken: {
            /** @description `jtk_…` */
            id: string;
            name: string;
            multiUse: boolean;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            usedAt?: string;
            /** @description Shown once, when it is made */
            token?: string;
        };
        Journey: {
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        /** @description RFC 7517 */
        JsonWebKeySet: {
            keys: {
                [key: string]: unknown;
            }[];
        };
        LaunchEc2Instance: {
            /** @description One of those that are set up; the first of them unless given */
            region?: string;
            instanceType?: string;
            /** @description May be taken back by the provider, for less */
            spot?: boolean;
            tags?: {
                [key: string]: string;
            };
            /** @description Only sessions of this user are placed on it */
            assignedToUserId?: string;
            terminateWhenIdle?: boolean;
            /** @description With `terminateWhenIdle`; 30 unless given */
            idleTimeoutMinutes?: number;
        };
        LaunchInstance: {
            /** @enum {string} */
            provider?: "local" | "ec2" | "kubernetes";
            /** @description One of those that are set up; the first of them unless given */
            region?: string;
            instanceType?: string;
            /** @description May be taken back by the provider, for less */
            spot?: boolean;
            tags?: {
                [key: string]: string;
            };
            /** @description Only sessions of this user are placed on it */
            assignedToUserId?: string;
            terminateWhenIdle?: boolean;
            /** @description With `terminateWhenIdle`; 30 unless given */
            idleTimeoutMinutes?: number;
        };
        LiftSuppression: {
            email: string;
        };
        LinkedIdentity: {
            /** @description `lid_…` */
            id: string;
            provider: string;
            providerName: string;
            /** @description As the provider told it last */
            email?: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it signed you in
             */
            lastUsedAt?: string;
        };
        LinkedIdentityList: {
            items: components["schemas"]["LinkedIdentity"][];
        };
        Liveness: {
            /** @constant */
            status: "ok";
        };
        Login: {
            /** Format: email */
            email: string;
            /** Format: password */
            password: string;
            /** @description Of an earlier sign-in of this device, in place of a second factor */
            rememberToken?: string;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        LoginByPasskey: {
            response: components["schemas"]["PasskeyAnswer"];
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        LoginByProvider: {
            code: string;
            /** @description Of an earlier sign-in of this device, in place of a second factor */
            rememberToken?: string;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        MailRecord: {
            /** @description `mail_…` */
            id: string;
            accountId?: string;
            to: string;
            template: string;
            /** @enum {string} */
            status: "queued" | "sending" | "sent" | "failed" | "bounced";
            attempts: number;
            /**
             * Format: date-time
             * @description While it is queued
             */
            nextAttemptAt?: string;
            lastError?: string;
            /** @description As the next server named it */
            providerMessageId?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            endedAt?: string;
        };
        Member: {
            /** @description Id of a user */
            userId: string;
            email: string;
            firstName?: string;
            lastName?: string;
            /**
             * @description What each may do: `GET /v1/roles`, under `account-…`
             * @enum {string}
             */
            role: "viewer" | "member" | "admin" | "owner";
            /**
             * Format: date-time
             * @description When the person became a member
             */
            createdAt: string;
        };
        MemberChange: {
            /**
             * @description What each may do: `GET /v1/roles`, under `account-…`
             * @enum {string}
             */
            role: "viewer" | "member" | "admin" | "owner";
        };
        MemberPage: {
            items: components["schemas"]["Member"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        Navigate: {
            /** @example https://example.com/ */
            url: string;
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description When a dialog holds the page, closes its tab and opens the URL in a fresh one */
            dismissDialog?: boolean;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        NavigateResult: {
            /** @description Id of a session */
            sessionId: string;
            url: string;
            title: string;
            status: number | null;
        };
        NewApiKey: {
            /** @description Id of an API key */
            id: string;
            accountId: string;
            name: string;
            /** @enum {string} */
            mode: "live" | "test";
            /** @description The first 12 characters of the key */
            prefix: string;
            scopes: string[];
            allowedAddresses: string[];
            /**
             * @description `rotated`: it has a successor, and counts until `overlapEndsAt`
             * @enum {string}
             */
            status: "active" | "rotated" | "expired" | "revoked";
            /** @description The user in whose name it acts */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /**
             * Format: date-time
             * @description Up to a minute behind
             */
            lastUsedAt?: string;
            lastUsedIp?: string;
            /** Format: date-time */
            revokedAt?: string;
            /** @description Id of an API key */
            replacedBy?: string;
            /** Format: date-time */
            overlapEndsAt?: string;
            /** @description Shown this once; goes into `Authorization: Bearer …` */
            key: string;
        };
        NewCookie: {
            name: string;
            value: string;
            path?: string;
            /** @description Seconds since 1970; ends with the browser unless given */
            expires?: number;
            httpOnly?: boolean;
            secure?: boolean;
            /** @enum {string} */
            sameSite?: "Strict" | "Lax" | "None";
            partitionKey?: {
                topLevelSite: string;
                hasCrossSiteAncestor: boolean;
            };
            /** @example https://example.com/ */
            url?: string;
            /**
             * @description With a dot in front, subdomains get it too
             * @example .example.com
             */
            domain?: string;
        };
        NewPasskey: {
            id: string;
            name: string;
            /** @description Whether it may be on several devices */
            isSynced: boolean;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            lastUsedAt?: string;
            /** @description There when it is the first factor; shown this once */
            backupCodes?: string[];
        };
        NodeBeat: {
            /** @description Higher than that of the beat before */
            sequence: number;
            facts: {
                capacity: number;
                sessions: number;
                version: string;
                /** @default false */
                draining: boolean;
                /** @default false */
                spotNotice: boolean;
            };
            sessions: string[];
            /**
             * Format: uri
             * @description Where it listens now; its certificate stays the one of the join
             */
            url?: string;
        };
        NodeBeatAnswer: {
            /** @description The highest that has come; go on from here */
            sequence: number;
            /** @description Sessions that have ended: wipe them */
            end: string[];
            /** @description Of sessions whose URLs were revoked: cut what those of earlier ones have opened */
            generations: {
                [key: string]: number;
            };
            /** @description Whether to take no new sessions */
            drain: boolean;
            beatSeconds: number;
            publicKeys: {
                [key: string]: unknown;
            }[];
        };
        NodeJoin: {
            token: string;
            /** Format: uri */
            url: string;
            fingerprint: string;
            /** @description Not needed with the token of a machine that Gantry has launched */
            machine?: {
                /** @enum {string} */
                provider: "local" | "ec2" | "kubernetes";
                /** @description The provider’s id, or any name that stays the same */
                id: string;
                region?: string;
                instanceType?: string;
            };
            facts: {
                capacity: number;
                sessions: number;
                version: string;
                /** @default false */
                draining: boolean;
                /** @default false */
                spotNotice: boolean;
            };
        };
        NodeJoined: {
            nodeId: string;
            instanceId: string;
            /** @description For `Authorization: Bearer`; shown once */
            credential: string;
            /** @description JSON Web Keys by which calls of the control plane are checked */
            publicKeys: {
                [key: string]: unknown;
            }[];
        };
        NodeLeave: {
            /** @description Of the last beat, so that one which arrives late changes nothing */
            sequence?: number;
        };
        NodeReports: {
            /** @description What has happened, in its order; sent again until it is taken */
            entries?: {
                sequence: number;
                report: {
                    /** @description Id of a session */
                    sessionId: string;
                    accountId: string;
                    atMs: number;
                    /** @constant */
                    kind: "ended";
                    /** @enum {string} */
                    reason: "asked" | "idle" | "timeout" | "disconnected" | "server_stopped" | "user_deleted" | "account_deleted" | "user_disabled" | "queue_timeout" | "launch_failed" | "crashed" | "memory" | "disk" | "lost";
                    message?: string;
                    wipe: {
                        processes: number;
                        directories: number;
                        sockets: number;
                    };
                } | {
                    /** @description Id of a session */
                    sessionId: string;
                    accountId: string;
                    atMs: number;
                    /** @constant */
                    kind: "fact";
                    name: string;
                    facts: {
                        [key: string]: unknown;
                    };
                };
            }[];
            /** @description Where its sessions are, as far as that has changed */
            sessions?: {
                /** @description Id of a session */
                id: string;
                lastActivityMs: number;
                url?: string;
                title?: string;
            }[];
        };
        Operation: {
            /** @description `op_…` */
            id: string;
            /** @description What is done: `recovery.retry-dead-jobs` */
            kind: string;
            /** @description Who started it */
            userId: string;
            /** @enum {string} */
            status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
            progress: {
                done: number;
                /** @description Absent while nobody knows */
                total?: number;
                note?: string;
            };
            /** @description Of one that has succeeded */
            result?: unknown;
            /** @description Of one that has failed */
            error?: {
                code: string;
                message: string;
                correlationId: string;
            };
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            startedAt?: string;
            /** Format: date-time */
            endedAt?: string;
        };
        PageContent: {
            /** @description Id of a session */
            sessionId: string;
            /** @description Where the page came to */
            url: string;
            /** @enum {string} */
            format: "html" | "markdown" | "text";
            content: string;
        };
        /** @description The page after the command */
        PageResult: {
            /** @description Id of a session */
            sessionId: string;
            url: string;
            title: string;
        };
        PageState: {
            /** @description Id of a session */
            sessionId: string;
            url: string;
            title: string;
            loading: boolean;
            viewport: {
                width: number;
                height: number;
            };
            scroll: {
                x: number;
                y: number;
            };
            tabs: {
                id: string;
                url: string;
                title: string;
                active: boolean;
            }[];
            /** @description The dialog that holds the page */
            dialog?: {
                /** @enum {string} */
                type: "alert" | "confirm" | "prompt" | "beforeunload";
                message: string;
            };
        };
        Passkey: {
            id: string;
            name: string;
            /** @description Whether it may be on several devices */
            isSynced: boolean;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            lastUsedAt?: string;
        };
        /** @description `toJSON()` of what `navigator.credentials.get` gave (AuthenticationResponseJSON) */
        PasskeyAnswer: {
            id: string;
            rawId: string;
            /** @constant */
            type: "public-key";
            authenticatorAttachment?: string | null;
            clientExtensionResults: {
                [key: string]: unknown;
            };
            response: {
                clientDataJSON: string;
                authenticatorData: string;
                signature: string;
                userHandle?: string | null;
            };
        };
        /** @description `toJSON()` of what `navigator.credentials.create` gave (RegistrationResponseJSON) */
        PasskeyCreation: {
            id: string;
            rawId: string;
            /** @constant */
            type: "public-key";
            authenticatorAttachment?: string | null;
            clientExtensionResults: {
                [key: string]: unknown;
            };
            response: {
                clientDataJSON: string;
                attestationObject: string;
                authenticatorData?: string;
                publicKey?: string | null;
                publicKeyAlgorithm?: number;
                transports?: string[];
            };
        };
        PasskeyList: {
            items: components["schemas"]["Passkey"][];
        };
        /** @description For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` */
        PasskeyOptions: {
            challenge: string;
            rp?: unknown;
            rpId?: string;
            userVerification?: string;
        } & {
            [key: string]: unknown;
        };
        PasswordRules: {
            /** @description In characters, as a person counts */
            minLength: number;
            maxLength: number;
            /** @description Of zxcvbn, which guesses how many tries it takes to find a password */
            minScore: number;
        };
        Pdf: {
            /**
             * @description letter unless given
             * @enum {string}
             */
            paper?: "letter" | "legal" | "tabloid" | "ledger" | "a0" | "a1" | "a2" | "a3" | "a4" | "a5" | "a6";
            /** @description A paper of any size, instead of a named one */
            sizeMm?: {
                width: number;
                height: number;
            };
            landscape?: boolean;
            /** @description 10 on every side unless given */
            marginsMm?: {
                top?: number;
                right?: number;
                bottom?: number;
                left?: number;
            };
            /** @description 1 unless given */
            scale?: number;
            /** @description Prints background colours and pictures too */
            background?: boolean;
            /**
             * @description All pages unless given
             * @example 1-5, 8
             */
            pageRanges?: string;
            /**
             * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
             * @example <span style="font-size: 8px" class="pageNumber"></span>
             */
            headerTemplate?: string;
            /**
             * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
             * @example <span style="font-size: 8px" class="pageNumber"></span>
             */
            footerTemplate?: string;
            /** @description The size that the page’s own @page rule names wins */
            preferCssPageSize?: boolean;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        PdfResult: {
            /** @description Id of a session */
            sessionId: string;
            bytes: number;
            /** Format: base64 */
            base64: string;
        };
        PrintPage: {
            /**
             * @description letter unless given
             * @enum {string}
             */
            paper?: "letter" | "legal" | "tabloid" | "ledger" | "a0" | "a1" | "a2" | "a3" | "a4" | "a5" | "a6";
            /** @description A paper of any size, instead of a named one */
            sizeMm?: {
                width: number;
                height: number;
            };
            landscape?: boolean;
            /** @description 10 on every side unless given */
            marginsMm?: {
                top?: number;
                right?: number;
                bottom?: number;
                left?: number;
            };
            /** @description 1 unless given */
            scale?: number;
            /** @description Prints background colours and pictures too */
            background?: boolean;
            /**
             * @description All pages unless given
             * @example 1-5, 8
             */
            pageRanges?: string;
            /**
             * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
             * @example <span style="font-size: 8px" class="pageNumber"></span>
             */
            headerTemplate?: string;
            /**
             * @description HTML; the classes date, title, url, pageNumber and totalPages are filled in
             * @example <span style="font-size: 8px" class="pageNumber"></span>
             */
            footerTemplate?: string;
            /** @description The size that the page’s own @page rule names wins */
            preferCssPageSize?: boolean;
            /** @description Longest time for the page in milliseconds, once the browser is there */
            timeoutMs?: number;
            /** @example https://example.com/ */
            url?: string;
            /** @description A document to show instead of a URL; it belongs to no site */
            html?: string;
            viewport?: components["schemas"]["Viewport"];
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description What is waited for once the page is there */
            waitFor?: {
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                /**
                 * @description What the first match of selector is to be; visible unless given
                 * @enum {string}
                 */
                state?: "visible" | "hidden" | "attached" | "detached";
                /** @description Text that can be read on the page, in any case */
                text?: string;
                /**
                 * @description A whole URL, or a pattern: * is anything but a slash, ** is anything
                 * @example https://example.com/orders/*
                 */
                url?: string;
                /**
                 * @description The page has loaded and had no request under way for 500 ms
                 * @constant
                 */
                networkIdle?: true;
                /**
                 * @description JavaScript, as of execute; looked at again and again until it is truthy
                 * @example document.querySelectorAll(".item").length > 3
                 */
                function?: string;
                /** @description A pause */
                timeMs?: number;
            };
            cookies?: components["schemas"]["NewCookie"][];
        };
        Problem: {
            /** @description Where the error catalogue explains this code */
            type: string;
            title: string;
            status: number;
            detail: string;
            /** @description Path of the request */
            instance: string;
            /** @description Stable; switch on this */
            code: string;
            /** @enum {string} */
            category: "validation" | "authentication" | "authorization" | "not_found" | "conflict" | "rate_limit" | "server" | "service_unavailable";
            /** @description Under which the request was logged */
            correlationId: string;
            /** @description What to change */
            suggestion?: string;
            errors?: {
                path: string;
                message: string;
            }[];
        };
        ProfileChange: {
            firstName?: string | null;
            lastName?: string | null;
            settings?: components["schemas"]["UserSettingsChange"];
            id?: string;
            email?: string;
            emailVerified?: boolean;
            avatarUrl?: string;
            tier?: string;
            roles?: string[];
            accountId?: string;
            createdAt?: string;
            updatedAt?: string;
            lastLoginAt?: string;
        };
        ProviderAnswer: {
            /** @enum {string} */
            purpose: "sign_in" | "link" | "step_up";
            /** @description Works once, for the browser that has the cookie */
            code: string;
            /** Format: date-time */
            expiresAt: string;
        };
        ProviderVisit: {
            /**
             * Format: uri
             * @description Where to send the browser
             */
            authorizationUrl: string;
            /**
             * Format: date-time
             * @description Until when it has to be back
             */
            expiresAt: string;
        };
        PutFleetPool: {
            /**
             * @default ec2
             * @enum {string}
             */
            provider: "local" | "ec2" | "kubernetes";
            /** @default 0 */
            min: number;
            /**
             * @description 0: the pool is left as it is
             * @default 0
             */
            max: number;
            /**
             * @description Machines kept free beyond the need
             * @default 0
             */
            spare: number;
            /** @default false */
            spot: boolean;
            /** @description One of those that are set up; the first of them unless given */
            region?: string;
            instanceType?: string;
            /**
             * @description A queue counts once its first session has waited that long
             * @default 5
             */
            queueSeconds: number;
            /** @default 60 */
            scaleOutCooldownSeconds: number;
            /** @default 300 */
            scaleInCooldownSeconds: number;
            /**
             * @description A machine without sessions for that long may go
             * @default 10
             */
            idleMinutes: number;
            /**
             * @description A machine whose node has not joined by then is replaced
             * @default 10
             */
            bootMinutes: number;
            version?: number;
            /** Format: date-time */
            updatedAt?: string;
            updatedBy?: string | null;
            machines?: {
                provisioning: number;
                ready: number;
                draining: number;
                unhealthy: number;
                stopping: number;
            };
        };
        ReadPage: {
            /** @example https://example.com/ */
            url?: string;
            /** @description A document to show instead of a URL; it belongs to no site */
            html?: string;
            viewport?: components["schemas"]["Viewport"];
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description What is waited for once the page is there */
            waitFor?: {
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                /**
                 * @description What the first match of selector is to be; visible unless given
                 * @enum {string}
                 */
                state?: "visible" | "hidden" | "attached" | "detached";
                /** @description Text that can be read on the page, in any case */
                text?: string;
                /**
                 * @description A whole URL, or a pattern: * is anything but a slash, ** is anything
                 * @example https://example.com/orders/*
                 */
                url?: string;
                /**
                 * @description The page has loaded and had no request under way for 500 ms
                 * @constant
                 */
                networkIdle?: true;
                /**
                 * @description JavaScript, as of execute; looked at again and again until it is truthy
                 * @example document.querySelectorAll(".item").length > 3
                 */
                function?: string;
                /** @description A pause */
                timeMs?: number;
            };
            cookies?: components["schemas"]["NewCookie"][];
            /** @description Longest time for the page in milliseconds, once the browser is there */
            timeoutMs?: number;
            /**
             * @description html unless given
             * @enum {string}
             */
            format?: "html" | "markdown" | "text";
        };
        Readiness: {
            /** @enum {string} */
            status: "ok" | "degraded";
        };
        /** @description What of the session is kept */
        Recording: {
            /** @description Pictures of the pages; kept unless false */
            frames?: boolean;
            /** @description Requests, as a HAR needs them; kept unless false */
            network?: boolean;
        };
        RecordingManifest: {
            /** @constant */
            format: "gantry-recording";
            version: number;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** @description False while it goes on */
            complete: boolean;
            /** @enum {string} */
            endedBy?: "asked" | "limit" | "sink" | "interrupted";
            /** @description Not recorded: its node process was dead meanwhile, or its store away for long */
            gaps?: {
                fromMs: number;
                toMs: number;
            }[];
            parts: ({
                name: string;
                /** @enum {string} */
                kind: "frames" | "timeline";
                bytes: number;
                /** @description Where it can be fetched for an hour */
                url: string;
            } & {
                [key: string]: unknown;
            })[];
        } & {
            [key: string]: unknown;
        };
        RecordingPart: {
            /** @description Id of a session */
            sessionId: string;
            name: string;
            /** Format: base64 */
            base64: string;
        };
        RecoveryAction: {
            name: string;
            what: string;
        };
        Refresh: {
            /** @description Left out by a page whose browser sends it as a cookie */
            refreshToken?: string;
        };
        Register: {
            /** Format: email */
            email: string;
            /** Format: password */
            password: string;
            firstName?: string;
            lastName?: string;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        RegisterPasskey: {
            /**
             * @description To tell it by
             * @example blue key
             */
            name: string;
            response: components["schemas"]["PasskeyCreation"];
        };
        RememberedDevice: {
            /** @description `rdv_…` */
            id: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            lastUsedAt: string;
            ipAddress?: string;
            userAgent?: string;
        };
        RememberedDeviceList: {
            items: components["schemas"]["RememberedDevice"][];
        };
        RequestControl: {
            /**
             * @description For how long
             * @default 300
             */
            seconds: number;
            /** @description Shown to whoever has it now */
            reason?: string;
            /** @description Takes it from whoever has it; for those who may administer the account */
            force?: boolean;
        };
        ResetPassword: {
            token: string;
            /** Format: password */
            password: string;
        };
        Role: {
            /** @description As it stands in `roles` of a user */
            name: string;
            /** @enum {string} */
            scope: "platform" | "reseller" | "account";
            summary: string;
            permissions: string[];
            /** @description The same, and over what */
            grants: components["schemas"]["Grant"][];
        };
        RotateApiKey: {
            /**
             * @description So long the old key still counts: 24 hours unless given, 7 days at most
             * @default 86400
             */
            overlapSeconds: number;
            /**
             * Format: date-time
             * @description When the new key ends; it lives as long as the old one was made to unless given
             */
            expiresAt?: string;
        };
        RuntimeSetting: {
            name: string;
            /** @description One sentence */
            what: string;
            /**
             * Format: date-time
             * @description Absent while nobody has set it
             */
            updatedAt?: string;
            value: unknown;
            default: unknown;
        };
        Screenshot: {
            /**
             * @description png unless given
             * @enum {string}
             */
            format?: "png" | "jpeg" | "webp";
            /** @description Of jpeg and webp */
            quality?: number;
            /** @description The whole page, not only what is in view */
            fullPage?: boolean;
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        ScreenshotResult: {
            /** @description Id of a session */
            sessionId: string;
            /** @enum {string} */
            format: "png" | "jpeg" | "webp";
            width: number;
            height: number;
            /** @description The page was taller than an image may be */
            cut: boolean;
            /** Format: base64 */
            base64: string;
        };
        Scroll: {
            /** @description Pixels to the right, negative for the left */
            x?: number;
            /** @description Pixels down, negative for up */
            y?: number;
            /**
             * @description Brought into view; with x or y, its own content is moved
             * @example #submit
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        /** @description The position after the command */
        ScrollResult: {
            /** @description Id of a session */
            sessionId: string;
            x: number;
            y: number;
        };
        SealingKey: {
            /** @description 16 hexadecimal digits that follow from the key */
            id: string;
            /** @enum {string} */
            status: "next" | "active" | "retiring" | "retired";
            /** @enum {string} */
            source: "file" | "kms";
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            activatedAt?: string;
            /** Format: date-time */
            retiringAt?: string;
            /** @description How many records are sealed with it, by table and column */
            records: {
                [key: string]: number;
            };
        };
        SecondFactorRequired: {
            /** @constant */
            secondFactorRequired: true;
            /** @description Finishes this sign-in, once, from the same network; it is no token */
            challengeId: string;
            methods: ("totp" | "passkey" | "backup_code")[];
            /** Format: date-time */
            expiresAt: string;
        };
        SecondFactorRequirement: {
            /** @description Whether everybody who acts for the account needs a second factor */
            required: boolean;
        };
        SecondFactors: {
            /** @description Whether signing in takes a second factor */
            enabled: boolean;
            /** @description Whether your role or your account demands one */
            required: boolean;
            authenticatorApp: {
                /** Format: date-time */
                createdAt: string;
            } | null;
            passkeys: components["schemas"]["Passkey"][];
            backupCodesLeft: number;
        };
        SeenUserChange: {
            firstName?: string | null;
            lastName?: string | null;
            settings?: components["schemas"]["UserSettingsChange"];
            id?: string;
            email?: string;
            emailVerified?: boolean;
            avatarUrl?: string;
            tier?: string;
            roles?: string[];
            accountId?: string;
            createdAt?: string;
            updatedAt?: string;
            lastLoginAt?: string;
            /**
             * @description `active` users alone sign in; who is `leaving` is deleted after the days of grace
             * @enum {string}
             */
            status?: "active" | "disabled" | "leaving";
            /** @description Whether they have set one up */
            secondFactor?: boolean;
        };
        SessionPage: {
            items: components["schemas"]["BrowserSession"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        SessionUrls: {
            cdpUrl: string;
            liveUrl: string;
        };
        SessionUrlsWish: {
            /**
             * @default observer
             * @enum {string}
             */
            cdp: "driver" | "noCookies" | "observer";
            /**
             * @default watch
             * @enum {string}
             */
            live: "control" | "watch";
        };
        SetAvatar: {
            /** @description The file; at most 5 MiB */
            base64: string;
        };
        SettingChange: {
            /** @description `chg_…` */
            id: string;
            name: string;
            /** @description A user’s id, or `system` */
            changedBy: string;
            /** Format: date-time */
            at: string;
            /** @description Null where the default held */
            before: unknown;
            after: unknown;
        };
        /** @description New values by name; what is not named stays */
        SettingValues: {
            [key: string]: unknown;
        };
        SignInProvider: {
            id: string;
            name: string;
            /** @description Whether `POST /v1/auth/oauth/{provider}/step-up` can prove who you are */
            stepUp: boolean;
        };
        SignInProviderList: {
            items: components["schemas"]["SignInProvider"][];
        };
        SignInRecord: {
            /** @description `sir_…` */
            id: string;
            /** Format: date-time */
            at: string;
            /**
             * @description `locked`: refused unseen, since too many wrong passwords had come
             * @enum {string}
             */
            result: "signed_in" | "wrong_password" | "locked" | "disabled" | "second_factor_needed" | "second_factor_failed";
            ipAddress?: string;
            userAgent?: string;
        };
        SignInRecordPage: {
            items: components["schemas"]["SignInRecord"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
        };
        SignedIn: {
            user: components["schemas"]["User"];
            /** @description Goes into `Authorization: Bearer …` */
            accessToken: string;
            /** @description Buys the next pair of tokens, once */
            refreshToken: string;
            /** @description Of the access token */
            expiresInSeconds: number;
        };
        SigningKey: {
            /** @description RFC 7638 thumbprint; the `kid` of its tokens */
            kid: string;
            /** @enum {string} */
            status: "next" | "active" | "retiring" | "gone";
            /** @enum {string} */
            algorithm: "EdDSA" | "RS256" | "ES256";
            /** @enum {string} */
            source: "local" | "kms";
            /** Format: date-time */
            createdAt: string;
            /**
             * Format: date-time
             * @description Of a published key: when it is to sign
             */
            activatesAt?: string;
            /** Format: date-time */
            activatedAt?: string;
            /** Format: date-time */
            retiringAt?: string;
        };
        Staff: {
            /** @description Id of a user */
            userId: string;
            /** @description Over the installation: `GET /v1/roles` */
            roles: ("support" | "admin" | "super-admin")[];
        };
        StaffChange: {
            /** @description Over the installation: `GET /v1/roles` */
            roles: ("support" | "admin" | "super-admin")[];
        };
        StartedBulkUserChange: {
            /** @description `op_…` */
            operationId: string;
        };
        StartedExport: {
            /** @description Followed at `/v1/operations/{id}` */
            operationId: string;
            /** @description `exp_…` */
            exportId: string;
        };
        StartedOperation: {
            /** @description `op_…` */
            operationId: string;
        };
        StepUp: {
            /** Format: password */
            password?: string;
            /** @description Six digits of the authenticator app, or a backup code */
            code?: string;
            /** @description An answer to `POST /v1/auth/step-up/options` */
            passkey?: components["schemas"]["PasskeyAnswer"];
        };
        SteppedUp: {
            /** Format: date-time */
            steppedUpUntil: string;
        };
        TabsCommand: {
            /** @constant */
            action: "list";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        } | {
            /** @constant */
            action: "open";
            /** @example https://example.com/ */
            url?: string;
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        } | {
            /** @constant */
            action: "close";
            /** @description From the list of tabs */
            tabId: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        } | {
            /** @constant */
            action: "activate";
            /** @description From the list of tabs */
            tabId: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        TabsResult: {
            /** @description Id of a session */
            sessionId: string;
            /** @description The tab that was acted on */
            tabId?: string;
            tabs: {
                id: string;
                url: string;
                title: string;
                active: boolean;
            }[];
        };
        TakeScreenshot: {
            /**
             * @description png unless given
             * @enum {string}
             */
            format?: "png" | "jpeg" | "webp";
            /** @description Of jpeg and webp */
            quality?: number;
            /** @description The whole page, not only what is in view */
            fullPage?: boolean;
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            /** @description Longest time for the page in milliseconds, once the browser is there */
            timeoutMs?: number;
            /** @example https://example.com/ */
            url?: string;
            /** @description A document to show instead of a URL; it belongs to no site */
            html?: string;
            viewport?: components["schemas"]["Viewport"];
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
            /** @description What is waited for once the page is there */
            waitFor?: {
                /**
                 * @description CSS, or another Playwright selector such as text=Sign in
                 * @example #submit
                 */
                selector?: string;
                /**
                 * @description What the first match of selector is to be; visible unless given
                 * @enum {string}
                 */
                state?: "visible" | "hidden" | "attached" | "detached";
                /** @description Text that can be read on the page, in any case */
                text?: string;
                /**
                 * @description A whole URL, or a pattern: * is anything but a slash, ** is anything
                 * @example https://example.com/orders/*
                 */
                url?: string;
                /**
                 * @description The page has loaded and had no request under way for 500 ms
                 * @constant
                 */
                networkIdle?: true;
                /**
                 * @description JavaScript, as of execute; looked at again and again until it is truthy
                 * @example document.querySelectorAll(".item").length > 3
                 */
                function?: string;
                /** @description A pause */
                timeMs?: number;
            };
            cookies?: components["schemas"]["NewCookie"][];
        };
        TierChange: {
            /** @enum {string} */
            tier: "free" | "premium" | "enterprise";
        };
        TransferAccount: {
            /** @description A member, who becomes the owner */
            userId: string;
        };
        Type: {
            /**
             * @description The focused element unless given
             * @example #submit
             */
            selector?: string;
            text: string;
            /** @description Empties the field first */
            clear?: boolean;
            /** @description Between key presses */
            delayMs?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        Upload: {
            /** @description At most 50 MiB together */
            files: {
                /**
                 * @description The part after the last slash counts
                 * @example cv.pdf
                 */
                name: string;
                /** @description Chromium tells it by the name unless given */
                contentType?: string;
                base64: string;
            }[];
            /**
             * @description A file input that is given the files
             * @example #submit
             */
            selector?: string;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        UploadResult: {
            /** @description Id of a session */
            sessionId: string;
            files: {
                /** @description As the page sees it */
                name: string;
                bytes: number;
                /** @description As `DOM.setFileInputFiles` takes it over CDP */
                path: string;
            }[];
        };
        UseLink: {
            token: string;
        };
        UseProviderCode: {
            code: string;
        };
        User: {
            /** @description `usr_…` */
            id: string;
            email: string;
            emailVerified: boolean;
            firstName?: string;
            lastName?: string;
            /** @description Path on this server; another one for each picture */
            avatarUrl?: string;
            /**
             * @description Of the account
             * @enum {string}
             */
            tier: "free" | "premium" | "enterprise";
            /** @description What each may do: `GET /v1/roles` */
            roles: string[];
            /** @description The account that the user acts for */
            accountId: string;
            /** @description The member of staff who acts as the user, and until when */
            impersonatedBy?: {
                userId: string;
                email: string;
                /** Format: date-time */
                expiresAt: string;
            };
            settings: components["schemas"]["UserSettings"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            lastLoginAt?: string;
        };
        UserSettings: {
            /** @enum {string} */
            theme: "light" | "dark" | "system";
            /** @description Of the console, as a BCP 47 tag */
            language: string;
            notifications: {
                /** @description By mail */
                email: boolean;
                /** @description In the console */
                inApp: boolean;
            };
            /** @description For sessions that ask for nothing else */
            browserPreferences: {
                defaultUserAgent?: string;
                /** @description In CSS pixels */
                defaultViewport?: {
                    width: number;
                    height: number;
                };
                /** @description Of a command, in milliseconds */
                defaultTimeout?: number;
            };
            ec2Preferences?: {
                preferredRegion?: string;
                instanceType?: string;
                terminateWhenIdle?: boolean;
                idleTimeoutMinutes?: number;
            };
        };
        UserSettingsChange: {
            /** @enum {string} */
            theme?: "light" | "dark" | "system";
            /** @description Of the console, as a BCP 47 tag */
            language?: string;
            notifications?: {
                /** @description By mail */
                email: boolean;
                /** @description In the console */
                inApp: boolean;
            };
            /** @description For sessions that ask for nothing else */
            browserPreferences?: {
                defaultUserAgent?: string;
                /** @description In CSS pixels */
                defaultViewport?: {
                    width: number;
                    height: number;
                };
                /** @description Of a command, in milliseconds */
                defaultTimeout?: number;
            };
            ec2Preferences?: {
                preferredRegion?: string;
                instanceType?: string;
                terminateWhenIdle?: boolean;
                idleTimeoutMinutes?: number;
            };
        };
        VerifyAudit: {
            /** @description First sequence number; 1 unless given */
            from?: number;
            /** @description Last one; the newest unless given */
            to?: number;
            /** @description One that was kept elsewhere */
            head?: components["schemas"]["AuditHead"];
        };
        VerifyBackupCode: {
            /** @description Of a sign-in whose password was right */
            challengeId: string;
            /** @description With or without hyphens, in capital or small letters */
            code: string;
            /** @description Whether this device needs no second factor for 30 days: see `rememberToken` */
            rememberDevice?: boolean;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        VerifySecondFactor: {
            /** @description Left out by who is signed in and confirms a new authenticator app */
            challengeId?: string;
            /**
             * @description What the authenticator app shows now
             * @example 492039
             */
            code?: string;
            passkey?: components["schemas"]["PasskeyAnswer"];
            /** @description Whether this device needs no second factor for 30 days: see `rememberToken` */
            rememberDevice?: boolean;
            /**
             * @description `tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer
             * @enum {string}
             */
            session?: "tokens" | "cookie";
        };
        /** @description Inner size of the page in CSS pixels */
        Viewport: {
            width: number;
            height: number;
        };
        Wait: {
            /**
             * @description CSS, or another Playwright selector such as text=Sign in
             * @example #submit
             */
            selector?: string;
            /**
             * @description What the first match of selector is to be; visible unless given
             * @enum {string}
             */
            state?: "visible" | "hidden" | "attached" | "detached";
            /** @description Text that can be read on the page, in any case */
            text?: string;
            /**
             * @description A whole URL, or a pattern: * is anything but a slash, ** is anything
             * @example https://example.com/orders/*
             */
            url?: string;
            /**
             * @description The page has loaded and had no request under way for 500 ms
             * @constant
             */
            networkIdle?: true;
            /**
             * @description JavaScript, as of execute; looked at again and again until it is truthy
             * @example document.querySelectorAll(".item").length > 3
             */
            function?: string;
            /** @description A pause */
            timeMs?: number;
            /** @description Longest wait in milliseconds */
            timeoutMs?: number;
        };
        /** @description The page once the wait was over */
        WaitResult: {
            /** @description Id of a session */
            sessionId: string;
            url: string;
            title: string;
            waitedMs: number;
        };
        /** @description What is left of an ended session on the machine: all zero */
        WipeReport: {
            processes: number;
            directories: number;
            sockets: number;
        };
    };
    responses: {
        /**
         * @description `account.cycle`: An account cannot lie below itself.
         *     `account.has_accounts`: There are accounts below it.
         *     `account.not_a_reseller`: Only a reseller has accounts below it.
         *     `account.personal`: A personal account stays with its person.
         *     `account.too_deep`: The accounts would lie too deep.
         */
        "account.cycle-or-account.has_accounts-or-account.not_a_reseller-or-account.personal-or-account.too_deep": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.has_accounts`: There are accounts below it.
         *     `account.personal`: A personal account stays with its person.
         */
        "account.has_accounts-or-account.personal": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.has_accounts`: There are accounts below it.
         *     `user.is_you`: That user is you.
         *     `user.last_super_admin`: There would be no super-admin left.
         *     `user.leaving`: The user is to be deleted.
         *     `user.sole_owner`: An account with other members would have no owner.
         */
        "account.has_accounts-or-user.is_you-or-user.last_super_admin-or-user.leaving-or-user.sole_owner": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.has_accounts`: There are accounts below it.
         *     `user.last_super_admin`: There would be no super-admin left.
         *     `user.leaving`: The user is to be deleted.
         *     `user.sole_owner`: An account with other members would have no owner.
         */
        "account.has_accounts-or-user.last_super_admin-or-user.leaving-or-user.sole_owner": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.has_accounts`: There are accounts below it.
         *     `user.last_super_admin`: There would be no super-admin left.
         *     `user.sole_owner`: An account with other members would have no owner.
         */
        "account.has_accounts-or-user.last_super_admin-or-user.sole_owner": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.limit_reached`: No room for another account.
         *     `account.not_a_reseller`: Only a reseller has accounts below it.
         *     `account.too_deep`: The accounts would lie too deep.
         */
        "account.limit_reached-or-account.not_a_reseller-or-account.too_deep": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `account.not_found`: No such account. */
        "account.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `addresses.block_not_found`: No such block.
         */
        "account.not_found-or-addresses.block_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `alert.not_found`: No such alert.
         */
        "account.not_found-or-alert.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `audit.not_found`: No such audit entry.
         */
        "account.not_found-or-audit.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `browser.tab_not_found`: No such tab.
         *     `session.not_found`: No such session.
         */
        "account.not_found-or-browser.tab_not_found-or-session.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `device.not_found`: No such device.
         */
        "account.not_found-or-device.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `download.not_found`: No such download.
         *     `session.not_found`: No such session.
         */
        "account.not_found-or-download.not_found-or-session.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `export.not_found`: No such export.
         */
        "account.not_found-or-export.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `fleet.instance_not_found`: No such instance.
         */
        "account.not_found-or-fleet.instance_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `fleet.join_token_not_found`: No such join token.
         */
        "account.not_found-or-fleet.join_token_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `fleet.node_not_found`: No such node.
         */
        "account.not_found-or-fleet.node_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `invitation.not_found`: No such invitation.
         */
        "account.not_found-or-invitation.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `job.not_found`: No such job.
         */
        "account.not_found-or-job.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `key.not_found`: No such API key.
         */
        "account.not_found-or-key.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `mail.not_suppressed`: That address is not kept from mail.
         */
        "account.not_found-or-mail.not_suppressed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `member.not_found`: No such member.
         */
        "account.not_found-or-member.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `oauth.identity_not_found`: No such identity.
         */
        "account.not_found-or-oauth.identity_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `oauth.provider_unknown`: No such provider.
         */
        "account.not_found-or-oauth.provider_unknown": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `operation.not_found`: No such operation.
         */
        "account.not_found-or-operation.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `passkey.not_found`: No such passkey.
         */
        "account.not_found-or-passkey.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `recording.not_recorded`: There is no recording.
         *     `session.not_found`: No such session.
         */
        "account.not_found-or-recording.not_recorded-or-session.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `recovery.unknown_action`: No such recovery action.
         */
        "account.not_found-or-recovery.unknown_action": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `session.not_found`: No such session.
         */
        "account.not_found-or-session.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.not_found`: No such account.
         *     `user.not_found`: No such user.
         */
        "account.not_found-or-user.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `account.out_of_reach`: That would take the account from its reseller.
         *     `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "account.out_of_reach-or-auth.forbidden-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `addresses.already_blocked`: That is blocked already.
         *     `addresses.too_many_blocks`: Too many blocks.
         *     `addresses.would_lock_out`: That would lock you out.
         */
        "addresses.already_blocked-or-addresses.too_many_blocks-or-addresses.would_lock_out": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `addresses.block_ends_in_the_past`: The block would have ended already. */
        "addresses.block_ends_in_the_past": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `addresses.would_lock_out`: That would lock you out. */
        "addresses.would_lock_out": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `audit.search_too_wide`: That search takes too long.
         *     `request.bad_cursor`: That cursor was not made by this list.
         *     `request.invalid`: The request is not valid.
         */
        "audit.search_too_wide-or-request.bad_cursor-or-request.invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `audit.too_many_exports`: Too many exports at once. */
        "audit.too_many_exports": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `audit.wrong_span`: That span of time cannot be exported.
         *     `request.invalid`: The request is not valid.
         */
        "audit.wrong_span-or-request.invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.bootstrap_refused`: That link makes no super-admin any more.
         *     `auth.https_required`: Passwords and tokens need HTTPS.
         */
        "auth.bootstrap_refused-or-auth.https_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.busy`: Too many people are signing in.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "auth.busy-or-server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.cross_site_request`: That request may come from another site.
         *     `auth.https_required`: Passwords and tokens need HTTPS.
         */
        "auth.cross_site_request-or-auth.https_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.email_not_verified`: Confirm your e-mail address first.
         *     `auth.forbidden`: You may not do that.
         *     `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `key.scope_not_held`: A key cannot do more than whoever makes it.
         */
        "auth.email_not_verified-or-auth.forbidden-or-auth.https_required-or-auth.second_factor_required-or-auth.step_up_required-or-key.scope_not_held": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.email_not_verified`: Confirm your e-mail address first.
         *     `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `invitation.above_you`: That role is above yours.
         */
        "auth.email_not_verified-or-auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-invitation.above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.email_taken`: That e-mail address is in use. */
        "auth.email_taken": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.email_taken`: That e-mail address is in use.
         *     `invitation.ended`: That invitation does not count any more.
         */
        "auth.email_taken-or-invitation.ended": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.email_taken`: That e-mail address is in use.
         *     `oauth.address_in_use`: There is a user with this address already.
         */
        "auth.email_taken-or-oauth.address_in_use": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.forbidden`: You may not do that. */
        "auth.forbidden": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `user.not_below_you`: That user ranks with you or above.
         */
        "auth.forbidden-or-auth.https_required-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.not_below_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `key.not_yours`: That API key is somebody else’s.
         */
        "auth.forbidden-or-auth.https_required-or-auth.second_factor_required-or-auth.step_up_required-or-key.not_yours": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `invitation.above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-invitation.above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `member.above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-member.above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `user.belongs_elsewhere`: That user works for others, too.
         *     `user.not_below_you`: That user ranks with you or above.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `user.belongs_elsewhere`: That user works for others, too.
         *     `user.not_below_you`: That user ranks with you or above.
         *     `user.role_above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you-or-user.role_above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `user.not_below_you`: That user ranks with you or above.
         *     `user.role_above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.not_below_you-or-user.role_above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.forbidden-or-auth.not_as_another-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.forbidden-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         */
        "auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `member.above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required-or-member.above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `key.not_yours`: That API key is somebody else’s.
         */
        "auth.forbidden-or-auth.second_factor_required-or-key.not_yours": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `member.above_you`: That role is above yours.
         */
        "auth.forbidden-or-auth.second_factor_required-or-member.above_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `session.may_not_force`: You may not take control from others.
         */
        "auth.forbidden-or-auth.second_factor_required-or-session.may_not_force": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.forbidden`: You may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `user.belongs_elsewhere`: That user works for others, too.
         *     `user.not_below_you`: That user ranks with you or above.
         */
        "auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.https_required`: Passwords and tokens need HTTPS. */
        "auth.https_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         */
        "auth.https_required-or-auth.key_not_allowed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.sign_up_closed`: Nobody may register here.
         *     `invitation.other_person`: That invitation is for somebody else.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.sign_up_closed-or-invitation.other_person": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `factor.code_refused`: That code is not right.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.code_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `factor.use_own_first`: Use the second factor that you have.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.use_own_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.wrong_password`: That is not your password.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.wrong_password": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.step_up_required`: Prove again who you are.
         *     `factor.code_refused`: That code is not right.
         *     `factor.use_own_first`: Use the second factor that you have.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.step_up_required-or-factor.code_refused-or-factor.use_own_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.wrong_password`: That is not your password.
         *     `factor.code_refused`: That code is not right.
         *     `passkey.refused`: That passkey does not count.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.wrong_password-or-factor.code_refused-or-passkey.refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `factor.use_own_first`: Use the second factor that you have.
         *     `passkey.refused`: That passkey does not count.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-factor.use_own_first-or-passkey.refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `oauth.no_fresh_proof`: The provider did not ask you again.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-oauth.no_fresh_proof": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `oauth.no_fresh_proof`: The provider did not ask you again.
         *     `oauth.not_linked`: That is not an identity of yours.
         */
        "auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-oauth.no_fresh_proof-or-oauth.not_linked": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.sign_up_by_invitation`: Only the invited may register here.
         *     `auth.sign_up_closed`: Nobody may register here.
         */
        "auth.https_required-or-auth.sign_up_by_invitation-or-auth.sign_up_closed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `auth.sign_up_by_invitation`: Only the invited may register here.
         *     `auth.sign_up_closed`: Nobody may register here.
         *     `oauth.address_missing`: The provider names no address of yours.
         *     `oauth.not_admitted`: This user may not sign in.
         */
        "auth.https_required-or-auth.sign_up_by_invitation-or-auth.sign_up_closed-or-oauth.address_missing-or-oauth.not_admitted": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `factor.code_refused`: That code is not right.
         */
        "auth.https_required-or-factor.code_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `factor.code_refused`: That code is not right.
         *     `factor.use_own_first`: Use the second factor that you have.
         *     `passkey.refused`: That passkey does not count.
         */
        "auth.https_required-or-factor.code_refused-or-factor.use_own_first-or-passkey.refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `oauth.denied`: The provider did not let you in.
         */
        "auth.https_required-or-oauth.denied": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.https_required`: Passwords and tokens need HTTPS.
         *     `passkey.refused`: That passkey does not count.
         */
        "auth.https_required-or-passkey.refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.invalid_credentials`: Not signed in. */
        "auth.invalid_credentials": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.invalid_refresh_token`: That refresh token is not valid. */
        "auth.invalid_refresh_token": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.key_not_allowed`: API keys may not do that. */
        "auth.key_not_allowed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         */
        "auth.key_not_allowed-or-auth.not_as_another": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `factor.use_own_first`: Use the second factor that you have.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.use_own_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `auth.step_up_required`: Prove again who you are.
         *     `user.belongs_elsewhere`: That user works for others, too.
         *     `user.not_below_you`: That user ranks with you or above.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.second_factor_required`: This needs a second factor.
         *     `user.belongs_elsewhere`: That user works for others, too.
         *     `user.not_below_you`: That user ranks with you or above.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.not_as_another`: Only the person themselves may do that.
         *     `auth.step_up_required`: Prove again who you are.
         *     `factor.use_own_first`: Use the second factor that you have.
         */
        "auth.key_not_allowed-or-auth.not_as_another-or-auth.step_up_required-or-factor.use_own_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.key_not_allowed`: API keys may not do that.
         *     `auth.second_factor_required`: This needs a second factor.
         */
        "auth.key_not_allowed-or-auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.link_invalid`: That link does not work any more.
         *     `auth.weak_password`: That password is too easy to guess.
         *     `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "auth.link_invalid-or-auth.weak_password-or-request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.link_invalid`: That link does not work any more.
         *     `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "auth.link_invalid-or-request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.no_password`: You have no password. */
        "auth.no_password": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.no_password`: You have no password.
         *     `passkey.unavailable`: Passkeys need a host name.
         */
        "auth.no_password-or-passkey.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.second_factor_required`: This needs a second factor. */
        "auth.second_factor_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.too_many_attempts`: Too many attempts. */
        "auth.too_many_attempts": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.too_many_attempts`: Too many attempts.
         *     `factor.locked`: Too many wrong second factors.
         */
        "auth.too_many_attempts-or-factor.locked": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `auth.unauthenticated`: Sign in first. */
        "auth.unauthenticated": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.unauthenticated`: Sign in first.
         *     `factor.challenge_over`: This sign-in cannot be finished any more.
         */
        "auth.unauthenticated-or-factor.challenge_over": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `auth.weak_password`: That password is too easy to guess.
         *     `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "auth.weak_password-or-request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `avatar.busy`: Too many pictures are being made.
         *     `avatar.unavailable`: Pictures cannot be made on this machine.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "avatar.busy-or-avatar.unavailable-or-server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `avatar.not_a_picture`: That is no picture that can be used.
         *     `avatar.too_many_pixels`: The picture is too large.
         *     `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "avatar.not_a_picture-or-avatar.too_many_pixels-or-request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `avatar.not_found`: No such picture. */
        "avatar.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `avatar.too_large`: The file is too large.
         *     `request.too_large`: The body is too large.
         */
        "avatar.too_large-or-request.too_large": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.busy`: Too many commands are waiting. */
        "browser.busy": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.busy`: Too many commands are waiting.
         *     `session.account_limit_reached`: Your account has as many sessions open as it may.
         *     `session.limit_reached`: Every place for a browser is taken.
         *     `session.queue_full`: Too many sessions wait for a place.
         */
        "browser.busy-or-session.account_limit_reached-or-session.limit_reached-or-session.queue_full": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.command_refused`: The browser refused the command. */
        "browser.command_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.command_refused`: The browser refused the command.
         *     `browser.navigation_failed`: The page could not be opened.
         */
        "browser.command_refused-or-browser.navigation_failed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.cookie_refused`: A cookie was not accepted. */
        "browser.cookie_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.cookie_refused`: A cookie was not accepted.
         *     `browser.not_actionable`: The element cannot be acted on.
         *     `browser.output_too_large`: The output is too large.
         *     `browser.print_refused`: The page cannot be printed that way.
         *     `browser.script_failed`: The script failed.
         *     `browser.selector_invalid`: The selector cannot be read.
         *     `browser.selector_not_found`: No element matches the selector.
         *     `browser.url_refused`: That address may not be opened.
         */
        "browser.cookie_refused-or-browser.not_actionable-or-browser.output_too_large-or-browser.print_refused-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.cookie_refused`: A cookie was not accepted.
         *     `browser.not_actionable`: The element cannot be acted on.
         *     `browser.result_too_large`: The result is too large.
         *     `browser.script_failed`: The script failed.
         *     `browser.selector_invalid`: The selector cannot be read.
         *     `browser.selector_not_found`: No element matches the selector.
         *     `browser.url_refused`: That address may not be opened.
         */
        "browser.cookie_refused-or-browser.not_actionable-or-browser.result_too_large-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.cookie_refused`: A cookie was not accepted.
         *     `browser.not_actionable`: The element cannot be acted on.
         *     `browser.script_failed`: The script failed.
         *     `browser.selector_invalid`: The selector cannot be read.
         *     `browser.selector_not_found`: No element matches the selector.
         *     `browser.url_refused`: That address may not be opened.
         */
        "browser.cookie_refused-or-browser.not_actionable-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.crashed`: The browser is gone. */
        "browser.crashed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.crashed`: The browser is gone.
         *     `browser.page_crashed`: The page crashed.
         */
        "browser.crashed-or-browser.page_crashed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.dialog_open`: A dialog holds the page.
         *     `browser.no_dialog`: No dialog is open.
         *     `browser.page_closed`: The page was closed.
         *     `session.closed`: The session is closed.
         *     `session.controlled`: Somebody else has control.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.no_dialog-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.dialog_open`: A dialog holds the page.
         *     `browser.no_history`: There is no such page in the history.
         *     `browser.page_closed`: The page was closed.
         *     `session.closed`: The session is closed.
         *     `session.controlled`: Somebody else has control.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.no_history-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.dialog_open`: A dialog holds the page.
         *     `browser.page_closed`: The page was closed.
         *     `browser.too_many_tabs`: Too many tabs are open.
         *     `session.closed`: The session is closed.
         *     `session.controlled`: Somebody else has control.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.page_closed-or-browser.too_many_tabs-or-session.closed-or-session.controlled-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.dialog_open`: A dialog holds the page.
         *     `browser.page_closed`: The page was closed.
         *     `session.ambiguous`: Several sessions are open.
         *     `session.closed`: The session is closed.
         *     `session.controlled`: Somebody else has control.
         *     `session.none_open`: No session is open.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.dialog_open`: A dialog holds the page.
         *     `browser.page_closed`: The page was closed.
         *     `session.closed`: The session is closed.
         *     `session.controlled`: Somebody else has control.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.launch_failed`: The browser did not start.
         *     `node.disk_full`: The disk is full.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         *     `session.no_machines`: No machine hosts browsers.
         *     `session.paused`: No new sessions are started at the moment.
         *     `session.queue_timeout`: No place became free in time.
         *     `session.server_stopping`: The server is stopping.
         */
        "browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.launch_failed`: The browser did not start.
         *     `node.disk_full`: The disk is full.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         *     `session.no_machines`: No machine hosts browsers.
         *     `session.paused`: No new sessions are started at the moment.
         *     `session.queue_timeout`: No place became free in time.
         *     `session.server_stopping`: The server is stopping.
         *     `session.unreachable`: The machine of the session does not answer.
         */
        "browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping-or-session.unreachable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.not_actionable`: The element cannot be acted on.
         *     `browser.selector_invalid`: The selector cannot be read.
         *     `browser.selector_not_found`: No element matches the selector.
         */
        "browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.output_too_large`: The output is too large.
         *     `browser.print_refused`: The page cannot be printed that way.
         */
        "browser.output_too_large-or-browser.print_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.result_not_serializable`: The result has no JSON form.
         *     `browser.result_too_large`: The result is too large.
         *     `browser.script_failed`: The script failed.
         */
        "browser.result_not_serializable-or-browser.result_too_large-or-browser.script_failed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.result_too_large`: The result is too large.
         *     `browser.selector_invalid`: The selector cannot be read.
         *     `browser.selector_not_found`: No element matches the selector.
         */
        "browser.result_too_large-or-browser.selector_invalid-or-browser.selector_not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.script_failed`: The script failed.
         *     `browser.selector_invalid`: The selector cannot be read.
         */
        "browser.script_failed-or-browser.selector_invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.timeout`: What was awaited did not come in time.
         *     `request.timeout`: The request took too long.
         */
        "browser.timeout-or-request.timeout": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.upload_too_large`: The files are too large.
         *     `browser.uploads_full`: The session has taken as many files as it may.
         *     `request.too_large`: The body is too large.
         */
        "browser.upload_too_large-or-browser.uploads_full-or-request.too_large": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.uploads_unavailable`: The files could not be kept.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         *     `session.unreachable`: The machine of the session does not answer.
         */
        "browser.uploads_unavailable-or-server.stopping-or-server.unavailable-or-session.unreachable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.url_refused`: That address may not be opened. */
        "browser.url_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `cdp.upgrade_required`: This address takes DevTools connections. */
        "cdp.upgrade_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `console.unknown_file`: The console has no such file. */
        "console.unknown_file": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `download.not_ready`: The download has no file.
         *     `session.closed`: The session is closed.
         *     `session.not_ready`: The session has no browser yet.
         */
        "download.not_ready-or-session.closed-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `export.not_ready`: The export is not ready. */
        "export.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `export.under_way`: Your data is being exported. */
        "export.under_way": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.already_enabled`: An authenticator app is set up already. */
        "factor.already_enabled": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.challenge_over`: This sign-in cannot be finished any more. */
        "factor.challenge_over": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.mandatory`: You must keep a second factor. */
        "factor.mandatory": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `factor.mandatory`: You must keep a second factor.
         *     `factor.not_enabled`: There is no such second factor.
         */
        "factor.mandatory-or-factor.not_enabled": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.not_enabled`: There is no such second factor. */
        "factor.not_enabled": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.nothing_pending`: There is no authenticator app to confirm. */
        "factor.nothing_pending": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `factor.use_one_first`: Use a second factor yourself first. */
        "factor.use_one_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `fleet.builtin_machine`: That is the machine of the control plane itself.
         *     `fleet.provider_missing`: That provider is not set up.
         *     `fleet.provider_refuses`: The provider cannot do that.
         *     `fleet.wrong_state`: The instance cannot do that now.
         */
        "fleet.builtin_machine-or-fleet.provider_missing-or-fleet.provider_refuses-or-fleet.wrong_state": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `fleet.builtin_machine`: That is the machine of the control plane itself.
         *     `fleet.wrong_state`: The instance cannot do that now.
         */
        "fleet.builtin_machine-or-fleet.wrong_state": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `fleet.pool_changed`: The pool was changed meanwhile.
         *     `fleet.provider_missing`: That provider is not set up.
         */
        "fleet.pool_changed-or-fleet.provider_missing": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `fleet.provider_missing`: That provider is not set up.
         *     `fleet.provider_refuses`: The provider cannot do that.
         *     `fleet.too_many_instances`: The fleet is as large as it may be.
         *     `idempotency.in_progress`: The first request with that key is still being worked on.
         */
        "fleet.provider_missing-or-fleet.provider_refuses-or-fleet.too_many_instances-or-idempotency.in_progress": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `fleet.unknown_region`: That region is not set up. */
        "fleet.unknown_region": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `fleet.unknown_region`: That region is not set up.
         *     `fleet.unknown_user`: No such user to assign to.
         *     `idempotency.different_request`: That key was used for another request.
         */
        "fleet.unknown_region-or-fleet.unknown_user-or-idempotency.different_request": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `health.not_ready`: The server is not ready.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "health.not_ready-or-server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `health.unknown_check`: No such health check. */
        "health.unknown_check": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency.different_request`: That key was used for another request. */
        "idempotency.different_request": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `idempotency.different_request`: That key was used for another request.
         *     `session.proxy_refused`: That proxy may not be used.
         */
        "idempotency.different_request-or-session.proxy_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency.in_progress`: The first request with that key is still being worked on. */
        "idempotency.in_progress": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `idempotency.in_progress`: The first request with that key is still being worked on.
         *     `key.limit_reached`: The account has as many API keys as it may.
         *     `key.shown_before`: That key is not shown again.
         */
        "idempotency.in_progress-or-key.limit_reached-or-key.shown_before": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `idempotency.in_progress`: The first request with that key is still being worked on.
         *     `key.limit_reached`: The account has as many API keys as it may.
         *     `key.shown_before`: That key is not shown again.
         *     `key.wrong_state`: That API key cannot be replaced.
         */
        "idempotency.in_progress-or-key.limit_reached-or-key.shown_before-or-key.wrong_state": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `idempotency.in_progress`: The first request with that key is still being worked on.
         *     `session.closed`: The session is closed.
         */
        "idempotency.in_progress-or-session.closed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `idempotency.in_progress`: The first request with that key is still being worked on.
         *     `user.is_you`: That user is you.
         *     `user.too_many_bulk`: Too many changes to many users at once.
         */
        "idempotency.in_progress-or-user.is_you-or-user.too_many_bulk": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invitation.ended`: That invitation does not count any more. */
        "invitation.ended": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `invitation.is_member`: That person is a member already.
         *     `invitation.open`: That person is invited already.
         */
        "invitation.is_member-or-invitation.open": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invitation.not_found`: No such invitation. */
        "invitation.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invitation.sign_in_first`: Sign in, then accept. */
        "invitation.sign_in_first": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invitation.too_many`: Too many invitations. */
        "invitation.too_many": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `job.key_busy`: A job with the same key is waiting or running.
         *     `job.not_dead`: Only a dead job can be run again.
         */
        "job.key_busy-or-job.not_dead": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `live.upgrade_required`: This address takes viewers of the live view. */
        "live.upgrade_required": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `mail.no_mailbox`: No development mailbox is here for you. */
        "mail.no_mailbox": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `mail.no_mailbox`: No development mailbox is here for you.
         *     `mail.not_found`: No such mail.
         */
        "mail.no_mailbox-or-mail.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `member.last_owner`: The account would be left without an owner. */
        "member.last_owner": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `metrics.forbidden`: Metrics are not open to this address. */
        "metrics.forbidden": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `node.already_joined`: That machine has a node that lives. */
        "node.already_joined": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `node.join_refused`: The join token is not accepted. */
        "node.join_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `node.unauthenticated`: The node is not known. */
        "node.unauthenticated": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `oauth.answer_refused`: That sign-in was not begun here, or is over.
         *     `request.invalid`: The request is not valid.
         */
        "oauth.answer_refused-or-request.invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `oauth.code_invalid`: That code does not work any more.
         *     `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "oauth.code_invalid-or-request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `oauth.last_way_in`: That is your only way to sign in. */
        "oauth.last_way_in": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `oauth.linked_elsewhere`: That identity is linked with another user.
         *     `oauth.too_many_identities`: You have linked as many identities as one may.
         */
        "oauth.linked_elsewhere-or-oauth.too_many_identities": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `oauth.provider_answer_invalid`: The provider answers something else. */
        "oauth.provider_answer_invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `oauth.provider_unavailable`: The provider does not answer.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "oauth.provider_unavailable-or-server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `oauth.provider_unknown`: No such provider. */
        "oauth.provider_unknown": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `operation.ended`: The operation has ended already. */
        "operation.ended": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `operation.too_many_followers`: Too many operations are being followed.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "operation.too_many_followers-or-server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `passkey.already_registered`: That passkey is registered already.
         *     `passkey.limit_reached`: You have as many passkeys as you may.
         *     `passkey.unavailable`: Passkeys need a host name.
         */
        "passkey.already_registered-or-passkey.limit_reached-or-passkey.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `passkey.limit_reached`: You have as many passkeys as you may.
         *     `passkey.unavailable`: Passkeys need a host name.
         */
        "passkey.limit_reached-or-passkey.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `passkey.unavailable`: Passkeys need a host name. */
        "passkey.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `recording.not_yet`: Nothing is recorded yet. */
        "recording.not_yet": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `recording.unreadable`: The recording cannot be read.
         *     `server.error`: Something went wrong on our side.
         */
        "recording.unreadable-or-server.error": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `request.bad_cursor`: That cursor was not made by this list.
         *     `request.invalid`: The request is not valid.
         */
        "request.bad_cursor-or-request.invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `request.bad_cursor`: That cursor was not made by this list.
         *     `request.invalid`: The request is not valid.
         *     `user.search_too_wide`: The search takes too long.
         */
        "request.bad_cursor-or-request.invalid-or-user.search_too_wide": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `request.invalid`: The request is not valid. */
        "request.invalid": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `request.invalid`: The request is not valid.
         *     `request.malformed`: The request cannot be read.
         */
        "request.invalid-or-request.malformed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `request.timeout`: The request took too long. */
        "request.timeout": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `request.too_large`: The body is too large. */
        "request.too_large": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `request.unsupported_media_type`: That content type is not accepted here. */
        "request.unsupported_media_type": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `secrets.in_use`: That key is in use.
         *     `secrets.not_retiring`: That key cannot be given up.
         *     `secrets.too_early`: That key sealed a moment ago.
         */
        "secrets.in_use-or-secrets.not_retiring-or-secrets.too_early": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `server.error`: Something went wrong on our side. */
        "server.error": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         */
        "server.stopping-or-server.unavailable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         *     `session.unreachable`: The machine of the session does not answer.
         */
        "server.stopping-or-server.unavailable-or-session.unreachable": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `session.account_limit_reached`: Your account has as many sessions open as it may.
         *     `session.limit_reached`: Every place for a browser is taken.
         *     `session.queue_full`: Too many sessions wait for a place.
         */
        "session.account_limit_reached-or-session.limit_reached-or-session.queue_full": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session.closed`: The session is closed. */
        "session.closed": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `session.closed`: The session is closed.
         *     `session.not_in_control`: You do not have control.
         *     `session.not_ready`: The session has no browser yet.
         */
        "session.closed-or-session.not_in_control-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `session.closed`: The session is closed.
         *     `session.not_ready`: The session has no browser yet.
         */
        "session.closed-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session.control_queue_full`: Too many wait for control. */
        "session.control_queue_full": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session.not_found`: No such session. */
        "session.not_found": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session.proxy_refused`: That proxy may not be used. */
        "session.proxy_refused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session.too_many_sockets`: Too many sockets of one session. */
        "session.too_many_sockets": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `signing.same_kms_key`: That KMS key is known already. */
        "signing.same_kms_key": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `user.is_you`: That user is you. */
        "user.is_you": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `user.is_you`: That user is you.
         *     `user.last_super_admin`: There would be no super-admin left.
         *     `user.wrong_status`: The user is in no state for that.
         */
        "user.is_you-or-user.last_super_admin-or-user.wrong_status": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `user.is_you`: That user is you.
         *     `user.not_leaving`: The user is not to be deleted.
         */
        "user.is_you-or-user.not_leaving": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `user.is_you`: That user is you.
         *     `user.wrong_status`: The user is in no state for that.
         */
        "user.is_you-or-user.wrong_status": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `user.last_super_admin`: There would be no super-admin left. */
        "user.last_super_admin": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getWellKnownJwksJson: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "keys": [
                     *         {
                     *           "kty": "OKP",
                     *           "crv": "Ed25519",
                     *           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                     *           "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                     *           "alg": "EdDSA",
                     *           "use": "sig"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["JsonWebKeySet"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getApiDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Permanent Redirect */
            308: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getDocsErrors: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getDocsScalarJs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getOpenapiJson: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "openapi": "3.1.0"
                     *     }
                     */
                    "application/json": {
                        openapi: string;
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    post2faBackupVerify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "challengeId": "q3mGk0aZ8r2c5Yw1tQ7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5U",
                 *       "code": "7K3D-X0QW-9M2E-TB4V"
                 *     }
                 */
                "application/json": components["schemas"]["VerifyBackupCode"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600,
                     *       "rememberToken": "Zk8rQ2m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0Ca1",
                     *       "rememberedUntil": "2026-12-20T12:00:00.000Z",
                     *       "backupCodesLeft": 2
                     *     }
                     */
                    "application/json": components["schemas"]["FinishedSignIn"] | components["schemas"]["FinishedCookieSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["factor.challenge_over"];
            403: components["responses"]["auth.https_required-or-factor.code_refused"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAccounts: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *           "name": "Analytical Engines",
                     *           "kind": "organisation",
                     *           "tier": "free",
                     *           "role": "owner",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "updatedAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["AccountPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAccounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Analytical Engines"
                 *     }
                 */
                "application/json": components["schemas"]["CreateAccount"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "name": "Analytical Engines",
                     *       "kind": "organisation",
                     *       "tier": "free",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Account"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["account.limit_reached-or-account.not_a_reseller-or-account.too_deep"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAccountsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "name": "Analytical Engines",
                     *       "kind": "organisation",
                     *       "tier": "free",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Account"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAccountsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["account.has_accounts-or-account.personal"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    patchAccountsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Analytical Engines"
                 *     }
                 */
                "application/json": components["schemas"]["AccountChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "name": "Analytical Engines",
                     *       "kind": "organisation",
                     *       "tier": "free",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Account"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["account.out_of_reach-or-auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["account.cycle-or-account.has_accounts-or-account.not_a_reseller-or-account.personal-or-account.too_deep"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAccountsIdMembers: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *           "email": "ann@example.com",
                     *           "firstName": "Ann",
                     *           "lastName": "Lovelace",
                     *           "role": "owner",
                     *           "createdAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["MemberPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAccountsIdMembersMe: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-member.not_found"];
            409: components["responses"]["member.last_owner"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAccountsIdMembersUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-member.above_you"];
            404: components["responses"]["account.not_found-or-member.not_found"];
            409: components["responses"]["member.last_owner"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    patchAccountsIdMembersUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "admin"
                 *     }
                 */
                "application/json": components["schemas"]["MemberChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Member"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-member.above_you"];
            404: components["responses"]["account.not_found-or-member.not_found"];
            409: components["responses"]["member.last_owner"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAccountsIdTransfer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an account
                 * @example acc_06bmza0c8dr7z3k1p5q9v2x4tb
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta"
                 *     }
                 */
                "application/json": components["schemas"]["TransferAccount"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Member"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found-or-member.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminAlerts: {
        parameters: {
            query?: {
                /** @description Items in a page */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @example open */
                state?: "open" | "acknowledged";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "alr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "kind": "many_exports",
                     *           "subject": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "state": "open",
                     *           "times": 1,
                     *           "detail": "31 exports in the hour from 2026-11-21T12:00:00.000Z.",
                     *           "raisedAt": "2026-11-21T12:00:00.000Z",
                     *           "lastRaisedAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Alert"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminAlertsIdAcknowledge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example alr_06f3k9w2m4qz7x8y1v5t0r6n3b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "alr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "kind": "many_exports",
                     *       "subject": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "state": "acknowledged",
                     *       "times": 1,
                     *       "detail": "31 exports in the hour from 2026-11-21T12:00:00.000Z.",
                     *       "raisedAt": "2026-11-21T12:00:00.000Z",
                     *       "lastRaisedAt": "2026-11-21T12:00:00.000Z",
                     *       "acknowledgedAt": "2026-11-21T12:00:00.000Z",
                     *       "acknowledgedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *     }
                     */
                    "application/json": components["schemas"]["Alert"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-alert.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminAudit: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @description A user, with what their keys did; a key; or the name of a part of the product */
                actor?: string;
                /**
                 * @description `session.ended`, or `session.*` for all that begin so
                 * @example setting.*
                 */
                action?: string;
                /** @description What was acted on, by its id or name */
                target?: string;
                accountId?: string;
                result?: "succeeded" | "refused" | "failed";
                /** @description Where the request came from */
                address?: string;
                correlationId?: string;
                /** @description Not before this */
                from?: string & (unknown & unknown);
                /** @description Before this */
                to?: string & (unknown & unknown);
                /** @description Words and numbers that the data of an entry all holds */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "evt_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "at": "2026-11-20T12:00:00.000Z",
                     *           "actor": {
                     *             "kind": "user",
                     *             "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "action": "setting.changed",
                     *           "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "target": "maxSessions",
                     *           "result": "succeeded",
                     *           "address": "192.0.2.7",
                     *           "agent": "curl/8.5.0",
                     *           "correlationId": "0d5c2f0e-8a52-4a0b-9a6c-6b0f3c1d2e4f",
                     *           "data": {
                     *             "name": "maxSessions",
                     *             "kind": "setting",
                     *             "before": 10,
                     *             "after": 20
                     *           },
                     *           "sequence": 1204,
                     *           "hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["AuditEntry"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["audit.search_too_wide-or-request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminAuditExport: {
        parameters: {
            query: {
                /** @description A user, with what their keys did; a key; or the name of a part of the product */
                actor?: string;
                /** @description `session.ended`, or `session.*` for all that begin so */
                action?: string;
                /** @description What was acted on, by its id or name */
                target?: string;
                accountId?: string;
                result?: "succeeded" | "refused" | "failed";
                /** @description Where the request came from */
                address?: string;
                correlationId?: string;
                /**
                 * @description Not before this
                 * @example 2026-11-01T00:00:00Z
                 */
                from: string & (unknown & unknown);
                /** @description Before this; now unless given */
                to?: string & (unknown & unknown);
                /** @description Words and numbers that the data of an entry all holds */
                q?: string;
                /** @example json */
                format?: "csv" | "json";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "evt_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "at": "2026-11-20T12:00:00.000Z",
                     *         "actor": {
                     *           "kind": "user",
                     *           "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "roles": [
                     *             "admin"
                     *           ]
                     *         },
                     *         "action": "setting.changed",
                     *         "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "target": "maxSessions",
                     *         "result": "succeeded",
                     *         "address": "192.0.2.7",
                     *         "agent": "curl/8.5.0",
                     *         "correlationId": "0d5c2f0e-8a52-4a0b-9a6c-6b0f3c1d2e4f",
                     *         "data": {
                     *           "name": "maxSessions",
                     *           "kind": "setting",
                     *           "before": 10,
                     *           "after": 20
                     *         },
                     *         "sequence": 1204,
                     *         "hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["AuditEntry"][];
                    "text/csv": string;
                };
            };
            400: components["responses"]["audit.wrong_span-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            429: components["responses"]["audit.too_many_exports"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
        };
    };
    getAdminAuditHeads: {
        parameters: {
            query?: {
                /** @description Items in a page */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "day": "2026-11-19",
                     *           "lastSequence": 1187,
                     *           "hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
                     *           "previousSignature": null,
                     *           "signature": "hgyY0il-MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAw",
                     *           "keyId": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
                     *           "publicKey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                     *           "signedAt": "2026-11-20T00:07:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["AuditHead"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminAuditVerify: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "from": 1
                 *     }
                 */
                "application/json": components["schemas"]["VerifyAudit"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "operationId": "op_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *     }
                     */
                    "application/json": {
                        operationId: string;
                    };
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["idempotency.in_progress"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminAuditId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `evt_…`
                 * @example evt_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "evt_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "at": "2026-11-20T12:00:00.000Z",
                     *       "actor": {
                     *         "kind": "user",
                     *         "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "roles": [
                     *           "admin"
                     *         ]
                     *       },
                     *       "action": "setting.changed",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "target": "maxSessions",
                     *       "result": "succeeded",
                     *       "address": "192.0.2.7",
                     *       "agent": "curl/8.5.0",
                     *       "correlationId": "0d5c2f0e-8a52-4a0b-9a6c-6b0f3c1d2e4f",
                     *       "data": {
                     *         "name": "maxSessions",
                     *         "kind": "setting",
                     *         "before": 10,
                     *         "after": 20
                     *       },
                     *       "sequence": 1204,
                     *       "hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
                     *     }
                     */
                    "application/json": components["schemas"]["AuditEntry"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-audit.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminBulkId: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 100
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description `op_…`
                 * @example op_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "row": 0,
                     *           "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *           "status": "done"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["BulkUserRow"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-operation.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminConfig: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "browsers.queue_length",
                     *           "what": "Waiting creates",
                     *           "value": 50,
                     *           "default": 100,
                     *           "updatedAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["RuntimeSetting"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminConfig: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "browsers.queue_length": 50
                 *     }
                 */
                "application/json": components["schemas"]["SettingValues"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "browsers.queue_length",
                     *           "what": "Waiting creates",
                     *           "value": 50,
                     *           "default": 100,
                     *           "updatedAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["RuntimeSetting"][];
                    };
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminConfigHistory: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "chg_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "changedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "name": "browsers.queue_length",
                     *           "before": 100,
                     *           "after": 50,
                     *           "at": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SettingChange"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminErrors: {
        parameters: {
            query?: {
                /**
                 * @description A day before `until` unless given
                 * @example 2026-11-20T11:00:00Z
                 */
                since?: string & (unknown & unknown);
                /**
                 * @description Now unless given
                 * @example 2026-11-20T12:00:00Z
                 */
                until?: string & (unknown & unknown);
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "since": "2026-11-20T11:00:00.000Z",
                     *       "until": "2026-11-20T12:00:00.000Z",
                     *       "total": 3,
                     *       "byCode": [
                     *         {
                     *           "code": "auth.unauthenticated",
                     *           "status": 401,
                     *           "count": 3
                     *         }
                     *       ],
                     *       "byRoute": [
                     *         {
                     *           "route": "/api/v1/users/me",
                     *           "count": 3
                     *         }
                     *       ],
                     *       "trend": [
                     *         {
                     *           "hour": "2026-11-20T11:00:00.000Z",
                     *           "count": 3,
                     *           "serverErrors": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ErrorReport"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminFeatureFlags: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "browsers.recording",
                     *           "what": "Record sessions",
                     *           "value": true,
                     *           "default": false,
                     *           "updatedAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["FeatureFlag"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminFeatureFlags: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "browsers.recording": true
                 *     }
                 */
                "application/json": components["schemas"]["FlagValues"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "browsers.recording",
                     *           "what": "Record sessions",
                     *           "value": true,
                     *           "default": false,
                     *           "updatedAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["FeatureFlag"][];
                    };
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminFeatureFlagsHistory: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "chg_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "changedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "name": "browsers.recording",
                     *           "before": false,
                     *           "after": true,
                     *           "at": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["FlagChange"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminIpAllowlist: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ranges": [
                     *         {
                     *           "range": "203.0.113.0/24",
                     *           "description": "The office",
                     *           "addedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "addedAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "configured": [],
                     *       "yourAddress": "203.0.113.7"
                     *     }
                     */
                    "application/json": components["schemas"]["Allowlist"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminIpAllowlist: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "ranges": [
                 *         {
                 *           "range": "203.0.113.0/24",
                 *           "description": "The office"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["AllowlistChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ranges": [
                     *         {
                     *           "range": "203.0.113.0/24",
                     *           "description": "The office",
                     *           "addedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "addedAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "configured": [],
                     *       "yourAddress": "203.0.113.7"
                     *     }
                     */
                    "application/json": components["schemas"]["Allowlist"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["addresses.would_lock_out"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminJobs: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @example dead */
                status?: "queued" | "retrying" | "active" | "completed" | "dead";
                /** @description Jobs of this kind only */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42",
                     *           "name": "operations.purge_old",
                     *           "status": "dead",
                     *           "priority": 0,
                     *           "retries": 5,
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "startAfter": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Job"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminJobsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42",
                     *       "name": "operations.purge_old",
                     *       "status": "dead",
                     *       "priority": 0,
                     *       "retries": 5,
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "startAfter": "2026-11-20T12:00:00.000Z",
                     *       "sentBy": {
                     *         "kind": "system",
                     *         "name": "cron"
                     *       },
                     *       "input": {},
                     *       "error": {
                     *         "message": "connection refused"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["JobDetails"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-job.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminJobsIdRetry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42",
                     *       "name": "operations.purge_old",
                     *       "status": "queued",
                     *       "priority": 0,
                     *       "retries": 0,
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "startAfter": "2026-11-20T12:00:00.000Z",
                     *       "sentBy": {
                     *         "kind": "system",
                     *         "name": "cron"
                     *       },
                     *       "input": {}
                     *     }
                     */
                    "application/json": components["schemas"]["JobDetails"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-job.not_found"];
            409: components["responses"]["job.key_busy-or-job.not_dead"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminNotificationsMails: {
        parameters: {
            query?: {
                /** @description Items in a page */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @example failed */
                status?: "queued" | "sending" | "sent" | "failed" | "bounced";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "mail_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "to": "ann@example.com",
                     *           "template": "verify_email",
                     *           "status": "failed",
                     *           "attempts": 1,
                     *           "lastError": "the mail server answered 552 5.2.2 to RCPT TO",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "endedAt": "2026-11-20T12:00:01.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["MailRecord"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminNotificationsSuppressionsLift: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ann@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["LiftSuppression"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-mail.not_suppressed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminRateLimitsBlocks: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "blk_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "range": "198.51.100.0/24",
                     *           "scope": "everything",
                     *           "reason": "Tries passwords",
                     *           "expiresAt": null,
                     *           "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "createdAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Block"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminRateLimitsBlocks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "range": "198.51.100.0/24",
                 *       "reason": "Tries passwords"
                 *     }
                 */
                "application/json": components["schemas"]["CreateBlock"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "blk_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "range": "198.51.100.0/24",
                     *       "scope": "everything",
                     *       "reason": "Tries passwords",
                     *       "expiresAt": null,
                     *       "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "createdAt": "2026-11-21T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Block"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["addresses.already_blocked-or-addresses.too_many_blocks-or-addresses.would_lock_out"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["addresses.block_ends_in_the_past"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAdminRateLimitsBlocksId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example blk_06f3k9w2m4qz7x8y1v5t0r6n3b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found-or-addresses.block_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminRecovery: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "retry-dead-jobs",
                     *           "what": "Run every job again that is dead"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["RecoveryAction"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminRecoveryId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `op_…`
                 * @example op_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "op_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "kind": "recovery.retry-dead-jobs",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "running",
                     *       "progress": {
                     *         "done": 100,
                     *         "total": 230
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "startedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Operation"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-operation.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminRecoveryId: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example retry-dead-jobs */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "operationId": "op_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *     }
                     */
                    "application/json": components["schemas"]["StartedOperation"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-recovery.unknown_action"];
            409: components["responses"]["idempotency.in_progress"];
            422: components["responses"]["idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminSealingKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "3f9a1c07be52d684",
                     *           "status": "active",
                     *           "source": "file",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "activatedAt": "2026-11-20T12:00:15.000Z",
                     *           "records": {
                     *             "sign_ins.refresh_key": 218,
                     *             "signing_keys.sealed_private": 1
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SealingKey"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminSealingKeysRotate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "3f9a1c07be52d684",
                     *           "status": "active",
                     *           "source": "file",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "activatedAt": "2026-11-20T12:00:15.000Z",
                     *           "records": {
                     *             "sign_ins.refresh_key": 218,
                     *             "signing_keys.sealed_private": 1
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SealingKey"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminSealingKeysIdRetire: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 3f9a1c07be52d684 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "3f9a1c07be52d684",
                     *           "status": "active",
                     *           "source": "file",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "activatedAt": "2026-11-20T12:00:15.000Z",
                     *           "records": {
                     *             "sign_ins.refresh_key": 218,
                     *             "signing_keys.sealed_private": 1
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SealingKey"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["secrets.in_use-or-secrets.not_retiring-or-secrets.too_early"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminSigningKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                     *           "status": "active",
                     *           "algorithm": "EdDSA",
                     *           "source": "local",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "activatedAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SigningKey"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminSigningKeysRotate: {
        parameters: {
            query?: {
                /** @description Drop every key at once, and with them every access token */
                emergency?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                     *           "status": "active",
                     *           "algorithm": "EdDSA",
                     *           "source": "local",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "activatedAt": "2026-11-21T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["SigningKey"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["signing.same_kms_key"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminUsers: {
        parameters: {
            query?: {
                /** @description Items in a page */
                limit?: number;
                cursor?: string;
                /**
                 * @description Part of the e-mail address or the name; no character has a meaning
                 * @example lovelace
                 */
                q?: string;
                /**
                 * @description `active` users alone sign in; who is `leaving` is deleted after the days of grace
                 * @example active
                 */
                status?: "active" | "disabled" | "leaving";
                /** @description Over the installation */
                role?: "support" | "admin" | "super-admin";
                tier?: "free" | "premium" | "enterprise";
                /** @description Members of this account */
                accountId?: string;
                /** @description Whether their e-mail address is proven */
                verified?: "true" | "false";
                secondFactor?: "true" | "false";
                createdFrom?: string & (unknown & unknown);
                /** @description Before this */
                createdTo?: string & (unknown & unknown);
                lastLoginFrom?: string & (unknown & unknown);
                /** @description Before this, or never */
                lastLoginTo?: string & (unknown & unknown);
                /**
                 * @description With `-` from the last to the first
                 * @example -lastLoginAt
                 */
                sort?: "-createdAt" | "createdAt" | "email" | "-email" | "-lastLoginAt" | "lastLoginAt";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *           "email": "ann@example.com",
                     *           "emailVerified": false,
                     *           "firstName": "Ann",
                     *           "lastName": "Lovelace",
                     *           "tier": "free",
                     *           "roles": [
                     *             "account-owner"
                     *           ],
                     *           "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "updatedAt": "2026-11-20T12:00:00.000Z",
                     *           "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *           "status": "active",
                     *           "secondFactor": true
                     *         }
                     *       ],
                     *       "nextCursor": null,
                     *       "total": 1
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUserPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid-or-user.search_too_wide"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ben@example.com",
                 *       "firstName": "Ben",
                 *       "role": "member",
                 *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb"
                 *     }
                 */
                "application/json": components["schemas"]["CreateUser"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ben@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ben",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "active",
                     *       "secondFactor": false
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required-or-member.above_you"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersBulk: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "operation": "deactivate",
                 *       "userIds": [
                 *         "usr_06bmza0c8dr7z3k1p5q9v2x4ta"
                 *       ],
                 *       "reason": "Ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["BulkUserChange"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "operationId": "op_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *     }
                     */
                    "application/json": components["schemas"]["StartedBulkUserChange"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you-or-user.role_above_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["idempotency.in_progress-or-user.is_you-or-user.too_many_bulk"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAdminUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "active",
                     *       "secondFactor": true,
                     *       "accounts": [
                     *         {
                     *           "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *           "name": "Ann Lovelace",
                     *           "kind": "personal",
                     *           "role": "owner"
                     *         }
                     *       ],
                     *       "devices": 2,
                     *       "secondFactors": {
                     *         "authenticatorApp": true,
                     *         "passkeys": 0,
                     *         "backupCodesLeft": 10
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUserDetails"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "lastName": "King"
                 *     }
                 */
                "application/json": components["schemas"]["AdminUserChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "active",
                     *       "secondFactor": true,
                     *       "accounts": [
                     *         {
                     *           "id": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *           "name": "Ann Lovelace",
                     *           "kind": "personal",
                     *           "role": "owner"
                     *         }
                     *       ],
                     *       "devices": 2,
                     *       "secondFactors": {
                     *         "authenticatorApp": true,
                     *         "passkeys": 0,
                     *         "backupCodesLeft": 10
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUserDetails"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAdminUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "restoreUntil": "2026-12-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Departing"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["account.has_accounts-or-user.is_you-or-user.last_super_admin-or-user.leaving-or-user.sole_owner"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdDeactivate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "Ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["DeactivateUser"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "disabled",
                     *       "secondFactor": true
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you-or-user.last_super_admin-or-user.wrong_status"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdImpersonate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "Ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["Impersonate"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.https_required-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdReactivate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "active",
                     *       "secondFactor": true
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you-or-user.wrong_status"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdResetFactors: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdResetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you-or-user.wrong_status"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdRestore: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you-or-user.not_leaving"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminUsersIdRoles: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "roles": [
                 *         "support"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["StaffChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "roles": [
                     *         "support"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Staff"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-user.not_below_you-or-user.role_above_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.last_super_admin"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdSignOut: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAdminUsersIdTier: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "tier": "premium"
                 *     }
                 */
                "application/json": components["schemas"]["TierChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "premium",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "status": "active",
                     *       "secondFactor": true
                     *     }
                     */
                    "application/json": components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAdminUsersIdUnlock: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a user
                 * @example usr_06bmza0c8dr7z3k1p5q9v2x4ta
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["user.is_you"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getApiKeys: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "key_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "name": "nightly price check",
                     *           "mode": "live",
                     *           "prefix": "gk_live_4fT9",
                     *           "scopes": [
                     *             "sessions.*"
                     *           ],
                     *           "allowedAddresses": [
                     *             "203.0.113.0/24"
                     *           ],
                     *           "status": "active",
                     *           "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "expiresAt": "2027-02-18T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["ApiKeyPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postApiKeys: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "nightly price check",
                 *       "scopes": [
                 *         "sessions.*"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CreateApiKey"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "key_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "name": "nightly price check",
                     *       "mode": "live",
                     *       "prefix": "gk_live_4fT9",
                     *       "scopes": [
                     *         "sessions.*"
                     *       ],
                     *       "allowedAddresses": [
                     *         "203.0.113.0/24"
                     *       ],
                     *       "status": "active",
                     *       "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "expiresAt": "2027-02-18T12:00:00.000Z",
                     *       "key": "gk_live_4fT9EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE0"
                     *     }
                     */
                    "application/json": components["schemas"]["NewApiKey"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.email_not_verified-or-auth.forbidden-or-auth.https_required-or-auth.second_factor_required-or-auth.step_up_required-or-key.scope_not_held"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["idempotency.in_progress-or-key.limit_reached-or-key.shown_before"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getApiKeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an API key
                 * @example key_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "key_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "name": "nightly price check",
                     *       "mode": "live",
                     *       "prefix": "gk_live_4fT9",
                     *       "scopes": [
                     *         "sessions.*"
                     *       ],
                     *       "allowedAddresses": [
                     *         "203.0.113.0/24"
                     *       ],
                     *       "status": "active",
                     *       "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "expiresAt": "2027-02-18T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ApiKey"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-key.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteApiKeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an API key
                 * @example key_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-key.not_yours"];
            404: components["responses"]["account.not_found-or-key.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postApiKeysIdRotate: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description Id of an API key
                 * @example key_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "overlapSeconds": 3600
                 *     }
                 */
                "application/json": components["schemas"]["RotateApiKey"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "key_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "name": "nightly price check",
                     *       "mode": "live",
                     *       "prefix": "gk_live_4fT9",
                     *       "scopes": [
                     *         "sessions.*"
                     *       ],
                     *       "allowedAddresses": [
                     *         "203.0.113.0/24"
                     *       ],
                     *       "status": "active",
                     *       "createdBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "expiresAt": "2027-02-18T12:00:00.000Z",
                     *       "key": "gk_live_4fT9EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE0"
                     *     }
                     */
                    "application/json": components["schemas"]["NewApiKey"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.https_required-or-auth.second_factor_required-or-auth.step_up_required-or-key.not_yours"];
            404: components["responses"]["account.not_found-or-key.not_found"];
            409: components["responses"]["idempotency.in_progress-or-key.limit_reached-or-key.shown_before-or-key.wrong_state"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuth2fa: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "enabled": true,
                     *       "required": false,
                     *       "authenticatorApp": {
                     *         "createdAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "passkeys": [
                     *         {
                     *           "id": "pky_06bmza0c8dr7z3k1p5q9v2x4td",
                     *           "name": "blue key",
                     *           "isSynced": false,
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "lastUsedAt": "2026-11-20T12:30:00.000Z"
                     *         }
                     *       ],
                     *       "backupCodesLeft": 10
                     *     }
                     */
                    "application/json": components["schemas"]["SecondFactors"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuth2faBackupRegenerate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "backupCodes": [
                     *         "7K3D-X0QW-9M2E-TB4V",
                     *         "P5RA-1JYH-C8N6-ZS0G"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["BackupCodes"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.use_own_first"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["factor.not_enabled"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuth2faBackupVerify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "challengeId": "q3mGk0aZ8r2c5Yw1tQ7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5U",
                 *       "code": "7K3D-X0QW-9M2E-TB4V"
                 *     }
                 */
                "application/json": components["schemas"]["VerifyBackupCode"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600,
                     *       "rememberToken": "Zk8rQ2m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0Ca1",
                     *       "rememberedUntil": "2026-12-20T12:00:00.000Z",
                     *       "backupCodesLeft": 2
                     *     }
                     */
                    "application/json": components["schemas"]["FinishedSignIn"] | components["schemas"]["FinishedCookieSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["factor.challenge_over"];
            403: components["responses"]["auth.https_required-or-factor.code_refused"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuth2faDevices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "rdv_06bmza0c8dr7z3k1p5q9v2x4te",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "expiresAt": "2026-12-20T12:00:00.000Z",
                     *           "lastUsedAt": "2026-11-21T08:15:00.000Z",
                     *           "ipAddress": "203.0.113.7"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RememberedDeviceList"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAuth2faDevicesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example rdv_06bmza0c8dr7z3k1p5q9v2x4te */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-device.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuth2faDisable: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "492039"
                 *     }
                 */
                "application/json": components["schemas"]["DisableAuthenticatorApp"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.code_refused"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["factor.mandatory-or-factor.not_enabled"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuth2faEnroll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["EnrolAuthenticatorApp"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
                     *       "uri": "otpauth://totp/Gantry:ann%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Gantry&algorithm=SHA1&digits=6&period=30",
                     *       "qrSvg": "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\">…</svg>",
                     *       "expiresAt": "2026-11-20T12:15:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["AuthenticatorAppEnrolment"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.step_up_required-or-factor.code_refused-or-factor.use_own_first"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["factor.already_enabled"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putAuth2faRequirement: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "required": true
                 *     }
                 */
                "application/json": components["schemas"]["SecondFactorRequirement"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "required": true
                     *     }
                     */
                    "application/json": components["schemas"]["SecondFactorRequirement"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["factor.use_one_first"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuth2faVerify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "challengeId": "q3mGk0aZ8r2c5Yw1tQ7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5U",
                 *       "code": "492039",
                 *       "rememberDevice": true
                 *     }
                 */
                "application/json": components["schemas"]["VerifySecondFactor"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600,
                     *       "rememberToken": "Zk8rQ2m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0Ca1",
                     *       "rememberedUntil": "2026-12-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["FinishedSignIn"] | components["schemas"]["FinishedCookieSession"] | components["schemas"]["BackupCodes"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated-or-factor.challenge_over"];
            403: components["responses"]["auth.https_required-or-factor.code_refused-or-factor.use_own_first-or-passkey.refused"];
            409: components["responses"]["factor.nothing_pending"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthBootstrap: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS13aGVuLXRoZS1zZXJ2ZXItc3RhcnQ",
                 *       "email": "ann@example.com",
                 *       "password": "violet tractor nine umbrellas",
                 *       "firstName": "Ann",
                 *       "lastName": "Lovelace"
                 *     }
                 */
                "application/json": components["schemas"]["Bootstrap"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "super-admin",
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.bootstrap_refused-or-auth.https_required"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthChangeEmail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "newEmail": "ann.lovelace@example.com",
                 *       "password": "violet tractor nine umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["ChangeEmail"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.wrong_password"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["auth.no_password"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthChangeEmailConfirm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["UseLink"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["auth.link_invalid-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthChangePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "currentPassword": "violet tractor nine umbrellas",
                 *       "newPassword": "violet tractor ten umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["ChangePassword"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.wrong_password"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["auth.no_password"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthForgotPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ann@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["ForgotPassword"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthLogin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ann@example.com",
                 *       "password": "violet tractor nine umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"] | components["schemas"]["SecondFactorRequired"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_credentials"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthLogout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthLogoutAll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuthOauth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "acme",
                     *           "name": "Acme",
                     *           "stepUp": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["SignInProviderList"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthOauthSignIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["LoginByProvider"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"] | components["schemas"]["SecondFactorRequired"];
                };
            };
            400: components["responses"]["oauth.code_invalid-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required-or-auth.sign_up_by_invitation-or-auth.sign_up_closed-or-oauth.address_missing-or-oauth.not_admitted"];
            404: components["responses"]["oauth.provider_unknown"];
            409: components["responses"]["auth.email_taken-or-oauth.address_in_use"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthOauthStepUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["UseProviderCode"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "steppedUpUntil": "2026-11-20T12:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["SteppedUp"];
                };
            };
            400: components["responses"]["oauth.code_invalid-or-request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-oauth.no_fresh_proof-or-oauth.not_linked"];
            404: components["responses"]["account.not_found-or-oauth.provider_unknown"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuthOauthProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example acme */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "authorizationUrl": "https://login.acme.example/authorize?client_id=gantry&state=pQ1x7yVh0w8m2rT5uZ9kC3bN6dF4gJ7lS0aE1iO2qYw",
                     *       "expiresAt": "2026-11-20T12:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProviderVisit"];
                };
            };
            400: components["responses"]["request.invalid"];
            403: components["responses"]["auth.https_required"];
            404: components["responses"]["oauth.provider_unknown"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            502: components["responses"]["oauth.provider_answer_invalid"];
            503: components["responses"]["oauth.provider_unavailable-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuthOauthProviderCallback: {
        parameters: {
            query?: {
                /** @example SplxlOBeZQQYbYS6WxSbIA */
                code?: string;
                /** @example pQ1x7yVh0w8m2rT5uZ9kC3bN6dF4gJ7lS0aE1iO2qYw */
                state?: string;
                error?: string;
                iss?: string;
            };
            header?: never;
            path: {
                /** @example acme */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "purpose": "sign_in",
                     *       "code": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU",
                     *       "expiresAt": "2026-11-20T12:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProviderAnswer"];
                };
            };
            400: components["responses"]["oauth.answer_refused-or-request.invalid"];
            403: components["responses"]["auth.https_required-or-oauth.denied"];
            404: components["responses"]["oauth.provider_unknown"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            502: components["responses"]["oauth.provider_answer_invalid"];
            503: components["responses"]["oauth.provider_unavailable-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthOauthProviderLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example acme */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "authorizationUrl": "https://login.acme.example/authorize?client_id=gantry&state=pQ1x7yVh0w8m2rT5uZ9kC3bN6dF4gJ7lS0aE1iO2qYw",
                     *       "expiresAt": "2026-11-20T12:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProviderVisit"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found-or-oauth.provider_unknown"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            502: components["responses"]["oauth.provider_answer_invalid"];
            503: components["responses"]["oauth.provider_unavailable-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthOauthProviderStepUp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example acme */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "authorizationUrl": "https://login.acme.example/authorize?client_id=gantry&state=pQ1x7yVh0w8m2rT5uZ9kC3bN6dF4gJ7lS0aE1iO2qYw",
                     *       "expiresAt": "2026-11-20T12:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProviderVisit"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-oauth.no_fresh_proof"];
            404: components["responses"]["account.not_found-or-oauth.provider_unknown"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            502: components["responses"]["oauth.provider_answer_invalid"];
            503: components["responses"]["oauth.provider_unavailable-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuthPasskeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "pky_06bmza0c8dr7z3k1p5q9v2x4td",
                     *           "name": "blue key",
                     *           "isSynced": false,
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "lastUsedAt": "2026-11-20T12:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PasskeyList"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthPasskeysLogin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "response": {
                 *         "id": "AQIDBAUGBwgJCgsMDQ4PEA",
                 *         "rawId": "AQIDBAUGBwgJCgsMDQ4PEA",
                 *         "type": "public-key",
                 *         "clientExtensionResults": {},
                 *         "response": {
                 *           "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
                 *           "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4",
                 *           "signature": "MEUCIQDx"
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["LoginByPasskey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required-or-passkey.refused"];
            409: components["responses"]["passkey.unavailable"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthPasskeysLoginOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "challengeId": "q3mGk0aZ8r2c5Yw1tQ7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5U"
                 *     }
                 */
                "application/json": components["schemas"]["AskForPasskey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "challenge": "nJ1u2hVvQ3m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0",
                     *       "rpId": "gantry.example",
                     *       "userVerification": "discouraged"
                     *     }
                     */
                    "application/json": components["schemas"]["PasskeyOptions"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["factor.challenge_over"];
            403: components["responses"]["auth.https_required"];
            409: components["responses"]["passkey.unavailable"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthPasskeysRegister: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "blue key",
                 *       "response": {
                 *         "id": "AQIDBAUGBwgJCgsMDQ4PEA",
                 *         "rawId": "AQIDBAUGBwgJCgsMDQ4PEA",
                 *         "type": "public-key",
                 *         "clientExtensionResults": {},
                 *         "response": {
                 *           "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0",
                 *           "attestationObject": "o2NmbXRkbm9uZQ",
                 *           "transports": [
                 *             "usb"
                 *           ]
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["RegisterPasskey"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "pky_06bmza0c8dr7z3k1p5q9v2x4td",
                     *       "name": "blue key",
                     *       "isSynced": false,
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "lastUsedAt": "2026-11-20T12:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["NewPasskey"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-factor.use_own_first-or-passkey.refused"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["passkey.already_registered-or-passkey.limit_reached-or-passkey.unavailable"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthPasskeysRegisterOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "challenge": "nJ1u2hVvQ3m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0",
                     *       "rp": {
                     *         "id": "gantry.example",
                     *         "name": "Gantry"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["PasskeyOptions"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.step_up_required-or-factor.use_own_first"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["passkey.limit_reached-or-passkey.unavailable"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteAuthPasskeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example pky_06bmza0c8dr7z3k1p5q9v2x4td */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-factor.use_own_first"];
            404: components["responses"]["account.not_found-or-passkey.not_found"];
            409: components["responses"]["factor.mandatory"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAuthPasswordPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "minLength": 15,
                     *       "maxLength": 128,
                     *       "minScore": 3
                     *     }
                     */
                    "application/json": components["schemas"]["PasswordRules"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthRefresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…"
                 *     }
                 */
                "application/json": components["schemas"]["Refresh"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_refresh_token"];
            403: components["responses"]["auth.cross_site_request-or-auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthRefreshToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…"
                 *     }
                 */
                "application/json": components["schemas"]["Refresh"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_refresh_token"];
            403: components["responses"]["auth.cross_site_request-or-auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthRegister: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ann@example.com",
                 *       "password": "violet tractor nine umbrellas",
                 *       "firstName": "Ann",
                 *       "lastName": "Lovelace"
                 *     }
                 */
                "application/json": components["schemas"]["Register"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["SignedIn"] | components["schemas"]["CookieSession"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required-or-auth.sign_up_by_invitation-or-auth.sign_up_closed"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthResetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU",
                 *       "password": "violet tractor ten umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["ResetPassword"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["auth.link_invalid-or-auth.weak_password-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthStepUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "violet tractor nine umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["StepUp"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "steppedUpUntil": "2026-11-20T12:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["SteppedUp"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.wrong_password-or-factor.code_refused-or-passkey.refused"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["auth.no_password-or-passkey.unavailable"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts-or-factor.locked"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthStepUpOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "challenge": "nJ1u2hVvQ3m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0",
                     *       "rpId": "gantry.example",
                     *       "userVerification": "required"
                     *     }
                     */
                    "application/json": components["schemas"]["PasskeyOptions"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["passkey.unavailable"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthVerifyEmail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["UseLink"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["auth.link_invalid-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postAuthVerifyEmailResend: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getAvatarsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/webp": string;
                };
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["avatar.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postBrowserClick: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "selector": "#submit"
                 *     }
                 */
                "application/json": components["schemas"]["FlatClick"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["PageResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postBrowserExecute: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "script": "document.title"
                 *     }
                 */
                "application/json": components["schemas"]["FlatExecute"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "result": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["ExecuteResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.result_not_serializable-or-browser.result_too_large-or-browser.script_failed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postBrowserNavigate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://example.com/"
                 *     }
                 */
                "application/json": components["schemas"]["FlatNavigate"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "status": 200
                     *     }
                     */
                    "application/json": components["schemas"]["NavigateResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy-or-session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postBrowserScreenshot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "format": "png"
                 *     }
                 */
                "application/json": components["schemas"]["FlatScreenshot"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "format": "png",
                     *       "width": 1280,
                     *       "height": 720,
                     *       "cut": false,
                     *       "base64": "iVBORw0KGgo="
                     *     }
                     */
                    "application/json": components["schemas"]["ScreenshotResult"];
                    "image/png": string;
                    "image/jpeg": string;
                    "image/webp": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postBrowserScroll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "y": 600
                 *     }
                 */
                "application/json": components["schemas"]["FlatScroll"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "x": 0,
                     *       "y": 600
                     *     }
                     */
                    "application/json": components["schemas"]["ScrollResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getBrowserState: {
        parameters: {
            query?: {
                /** @description Id of a session */
                sessionId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "loading": false,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "scroll": {
                     *         "x": 0,
                     *         "y": 0
                     *       },
                     *       "tabs": [
                     *         {
                     *           "id": "E2A9C1",
                     *           "url": "https://example.com/",
                     *           "title": "Example Domain",
                     *           "active": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageState"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postBrowserType: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "selector": "#name",
                 *       "text": "Ada",
                 *       "clear": true
                 *     }
                 */
                "application/json": components["schemas"]["FlatType"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["PageResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.controlled-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postContent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://example.com/",
                 *       "format": "markdown"
                 *     }
                 */
                "application/json": components["schemas"]["ReadPage"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "format": "markdown",
                     *       "content": "# Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["PageContent"];
                    "text/html": string;
                    "text/markdown": string;
                    "text/plain": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.cookie_refused-or-browser.not_actionable-or-browser.result_too_large-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused"];
            429: components["responses"]["browser.busy-or-session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getDevMails: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "mail_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "to": "ann@example.com",
                     *           "template": "verify_email",
                     *           "subject": "Confirm your e-mail address",
                     *           "createdAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["DevMailSummary"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            404: components["responses"]["mail.no_mailbox"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteDevMails: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            404: components["responses"]["mail.no_mailbox"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getDevMailsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example mail_06f3k9w2m4qz7x8y1v5t0r6n3b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "mail_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "to": "ann@example.com",
                     *       "template": "verify_email",
                     *       "subject": "Confirm your e-mail address",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "text": "Confirm that this address is yours …",
                     *       "html": "<p>…</p>"
                     *     }
                     */
                    "application/json": components["schemas"]["DevMail"];
                    "text/html": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            404: components["responses"]["mail.no_mailbox-or-mail.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getEc2Instances: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @example running */
                status?: "provisioning" | "running" | "stopping" | "error" | "terminated";
                assignedToUserId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "instanceId": "i-0c913f355f22c8836",
                     *           "provider": "ec2",
                     *           "purpose": "manual",
                     *           "builtin": false,
                     *           "managed": true,
                     *           "region": "eu-central-1",
                     *           "status": "running",
                     *           "privateIpAddress": "10.0.4.17",
                     *           "launchTime": "2026-11-20T12:00:00.000Z",
                     *           "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *           "instanceType": "c7i.xlarge",
                     *           "spot": false,
                     *           "tags": {
                     *             "team": "search"
                     *           },
                     *           "healthStatus": "healthy",
                     *           "sessions": 3,
                     *           "capacity": 20
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Instance"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postEc2Instances: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "instanceType": "c7i.xlarge"
                 *     }
                 */
                "application/json": components["schemas"]["LaunchEc2Instance"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "provisioning",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 0,
                     *       "capacity": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["fleet.provider_missing-or-fleet.provider_refuses-or-fleet.too_many_instances-or-idempotency.in_progress"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["fleet.unknown_region-or-fleet.unknown_user-or-idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getEc2InstancesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "running",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteEc2InstancesId: {
        parameters: {
            query?: {
                /** @description Lets its sessions end first */
                drain?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "stopping",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            409: components["responses"]["fleet.builtin_machine-or-fleet.wrong_state"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postEc2InstancesIdRestart: {
        parameters: {
            query?: {
                /** @description Lets its sessions end first */
                drain?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "running",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            409: components["responses"]["fleet.builtin_machine-or-fleet.provider_missing-or-fleet.provider_refuses-or-fleet.wrong_state"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getEc2InstancesIdStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "status": "running",
                     *       "healthStatus": "healthy",
                     *       "providerStatus": "running",
                     *       "checkedAt": "2026-11-20T12:00:00.000Z",
                     *       "node": {
                     *         "id": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "status": "ready",
                     *         "url": "https://10.0.4.17:8701",
                     *         "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                     *         "version": "0.1.0",
                     *         "capacity": 20,
                     *         "sessions": 3,
                     *         "free": 17,
                     *         "joinedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastBeatAt": "2026-11-20T12:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["InstanceStatus"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetInstances: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @example running */
                status?: "provisioning" | "running" | "stopping" | "error" | "terminated";
                provider?: "local" | "ec2" | "kubernetes";
                assignedToUserId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "instanceId": "i-0c913f355f22c8836",
                     *           "provider": "ec2",
                     *           "purpose": "manual",
                     *           "builtin": false,
                     *           "managed": true,
                     *           "region": "eu-central-1",
                     *           "status": "running",
                     *           "privateIpAddress": "10.0.4.17",
                     *           "launchTime": "2026-11-20T12:00:00.000Z",
                     *           "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *           "instanceType": "c7i.xlarge",
                     *           "spot": false,
                     *           "tags": {
                     *             "team": "search"
                     *           },
                     *           "healthStatus": "healthy",
                     *           "sessions": 3,
                     *           "capacity": 20
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Instance"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postFleetInstances: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "instanceType": "c7i.xlarge"
                 *     }
                 */
                "application/json": components["schemas"]["LaunchInstance"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "provisioning",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 0,
                     *       "capacity": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["fleet.provider_missing-or-fleet.provider_refuses-or-fleet.too_many_instances-or-idempotency.in_progress"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["fleet.unknown_region-or-fleet.unknown_user-or-idempotency.different_request"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetInstancesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "running",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteFleetInstancesId: {
        parameters: {
            query?: {
                /** @description Lets its sessions end first */
                drain?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "stopping",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            409: components["responses"]["fleet.builtin_machine-or-fleet.wrong_state"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postFleetInstancesIdRestart: {
        parameters: {
            query?: {
                /** @description Lets its sessions end first */
                drain?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "provider": "ec2",
                     *       "purpose": "manual",
                     *       "builtin": false,
                     *       "managed": true,
                     *       "region": "eu-central-1",
                     *       "status": "running",
                     *       "privateIpAddress": "10.0.4.17",
                     *       "launchTime": "2026-11-20T12:00:00.000Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.000Z",
                     *       "instanceType": "c7i.xlarge",
                     *       "spot": false,
                     *       "tags": {
                     *         "team": "search"
                     *       },
                     *       "healthStatus": "healthy",
                     *       "sessions": 3,
                     *       "capacity": 20
                     *     }
                     */
                    "application/json": components["schemas"]["Instance"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            409: components["responses"]["fleet.builtin_machine-or-fleet.provider_missing-or-fleet.provider_refuses-or-fleet.wrong_state"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetInstancesIdStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example ins_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "i-0c913f355f22c8836",
                     *       "status": "running",
                     *       "healthStatus": "healthy",
                     *       "providerStatus": "running",
                     *       "checkedAt": "2026-11-20T12:00:00.000Z",
                     *       "node": {
                     *         "id": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *         "status": "ready",
                     *         "url": "https://10.0.4.17:8701",
                     *         "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                     *         "version": "0.1.0",
                     *         "capacity": 20,
                     *         "sessions": 3,
                     *         "free": 17,
                     *         "joinedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastBeatAt": "2026-11-20T12:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["InstanceStatus"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.instance_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetJoinTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "jtk_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "name": "rack 4",
                     *           "multiUse": false,
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "expiresAt": "2026-11-20T13:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["JoinToken"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postFleetJoinTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "rack 4"
                 *     }
                 */
                "application/json": components["schemas"]["CreateJoinToken"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "jtk_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "name": "rack 4",
                     *       "multiUse": false,
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "expiresAt": "2026-11-20T13:00:00.000Z",
                     *       "token": "join_kq3ZQv7xv9C1u5h2Y0sW8tNfRb4mJdLpAeGzXcVnUoM"
                     *     }
                     */
                    "application/json": components["schemas"]["JoinToken"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteFleetJoinTokensId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example jtk_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.join_token_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetNodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "status": "ready",
                     *           "url": "https://10.0.4.17:8701",
                     *           "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                     *           "version": "0.1.0",
                     *           "capacity": 20,
                     *           "sessions": 3,
                     *           "free": 17,
                     *           "joinedAt": "2026-11-20T12:00:00.000Z",
                     *           "lastBeatAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["FleetNode"][];
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postFleetNodesIdDrain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example nod_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "draining",
                     *       "url": "https://10.0.4.17:8701",
                     *       "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                     *       "version": "0.1.0",
                     *       "capacity": 20,
                     *       "sessions": 3,
                     *       "free": 0,
                     *       "joinedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastBeatAt": "2026-11-20T12:00:00.000Z",
                     *       "drainReason": "asked"
                     *     }
                     */
                    "application/json": components["schemas"]["FleetNode"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.node_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteFleetNodesIdDrain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id (`ins_…`) or the provider’s
                 * @example nod_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "ready",
                     *       "url": "https://10.0.4.17:8701",
                     *       "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                     *       "version": "0.1.0",
                     *       "capacity": 20,
                     *       "sessions": 3,
                     *       "free": 17,
                     *       "joinedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastBeatAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["FleetNode"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-fleet.node_not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getFleetPool: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "provider": "ec2",
                     *       "min": 1,
                     *       "max": 10,
                     *       "spare": 1,
                     *       "spot": true,
                     *       "queueSeconds": 5,
                     *       "scaleOutCooldownSeconds": 60,
                     *       "scaleInCooldownSeconds": 300,
                     *       "idleMinutes": 10,
                     *       "bootMinutes": 10,
                     *       "version": 4,
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "machines": {
                     *         "provisioning": 1,
                     *         "ready": 3,
                     *         "draining": 0,
                     *         "unhealthy": 0,
                     *         "stopping": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["FleetPool"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putFleetPool: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "provider": "ec2",
                 *       "min": 1,
                 *       "max": 10,
                 *       "spare": 1,
                 *       "spot": true,
                 *       "queueSeconds": 5,
                 *       "scaleOutCooldownSeconds": 60,
                 *       "scaleInCooldownSeconds": 300,
                 *       "idleMinutes": 10,
                 *       "bootMinutes": 10
                 *     }
                 */
                "application/json": components["schemas"]["PutFleetPool"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "provider": "ec2",
                     *       "min": 1,
                     *       "max": 10,
                     *       "spare": 1,
                     *       "spot": true,
                     *       "queueSeconds": 5,
                     *       "scaleOutCooldownSeconds": 60,
                     *       "scaleInCooldownSeconds": 300,
                     *       "idleMinutes": 10,
                     *       "bootMinutes": 10,
                     *       "version": 4,
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedBy": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "machines": {
                     *         "provisioning": 1,
                     *         "ready": 3,
                     *         "draining": 0,
                     *         "unhealthy": 0,
                     *         "stopping": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["FleetPool"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["fleet.pool_changed-or-fleet.provider_missing"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["fleet.unknown_region"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getInvitations: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @description The one that you act for unless given */
                accountId?: string;
                /** @description `installation`: those to run the installation, which need `staff.read` */
                to?: "account" | "installation";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "inv_06bmza0c8dr7z3k1p5q9v2x4td",
                     *           "email": "ben@example.com",
                     *           "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *           "role": "member",
                     *           "status": "pending",
                     *           "invitedBy": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "sentAt": "2026-11-20T12:00:00.000Z",
                     *           "timesSent": 1,
                     *           "expiresAt": "2026-11-23T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["InvitationPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postInvitations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ben@example.com",
                 *       "role": "member"
                 *     }
                 */
                "application/json": components["schemas"]["CreateInvitation"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "inv_06bmza0c8dr7z3k1p5q9v2x4td",
                     *       "email": "ben@example.com",
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "role": "member",
                     *       "status": "pending",
                     *       "invitedBy": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "sentAt": "2026-11-20T12:00:00.000Z",
                     *       "timesSent": 1,
                     *       "expiresAt": "2026-11-23T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.email_not_verified-or-auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-invitation.above_you"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["invitation.is_member-or-invitation.open"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["invitation.too_many"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postInvitationsAccept: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS13aGVuLXRoZS1zZXJ2ZXItc3RhcnQ",
                 *       "password": "violet tractor nine umbrellas"
                 *     }
                 */
                "application/json": components["schemas"]["AcceptInvitation"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "invitation": {
                     *         "id": "inv_06bmza0c8dr7z3k1p5q9v2x4td",
                     *         "email": "ben@example.com",
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "role": "member",
                     *         "status": "accepted",
                     *         "invitedBy": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "sentAt": "2026-11-20T12:00:00.000Z",
                     *         "timesSent": 1,
                     *         "expiresAt": "2026-11-23T12:00:00.000Z"
                     *       },
                     *       "user": {
                     *         "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *         "email": "ann@example.com",
                     *         "emailVerified": false,
                     *         "firstName": "Ann",
                     *         "lastName": "Lovelace",
                     *         "tier": "free",
                     *         "roles": [
                     *           "account-owner"
                     *         ],
                     *         "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *         "settings": {
                     *           "theme": "dark",
                     *           "language": "en",
                     *           "notifications": {
                     *             "email": true,
                     *             "inApp": true
                     *           },
                     *           "browserPreferences": {
                     *             "defaultViewport": {
                     *               "width": 1440,
                     *               "height": 900
                     *             },
                     *             "defaultTimeout": 15000
                     *           }
                     *         },
                     *         "createdAt": "2026-11-20T12:00:00.000Z",
                     *         "updatedAt": "2026-11-20T12:00:00.000Z",
                     *         "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *       },
                     *       "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…",
                     *       "refreshToken": "gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…",
                     *       "expiresInSeconds": 600
                     *     }
                     */
                    "application/json": components["schemas"]["AcceptedInvitation"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            401: components["responses"]["invitation.sign_in_first"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.sign_up_closed-or-invitation.other_person"];
            404: components["responses"]["invitation.not_found"];
            409: components["responses"]["auth.email_taken-or-invitation.ended"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteInvitationsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an invitation
                 * @example inv_06bmza0c8dr7z3k1p5q9v2x4td
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-invitation.not_found"];
            409: components["responses"]["invitation.ended"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postInvitationsIdResend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of an invitation
                 * @example inv_06bmza0c8dr7z3k1p5q9v2x4td
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "inv_06bmza0c8dr7z3k1p5q9v2x4td",
                     *       "email": "ben@example.com",
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "role": "member",
                     *       "status": "pending",
                     *       "invitedBy": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "sentAt": "2026-11-20T12:00:00.000Z",
                     *       "timesSent": 1,
                     *       "expiresAt": "2026-11-23T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.key_not_allowed-or-auth.second_factor_required-or-auth.step_up_required-or-invitation.above_you"];
            404: components["responses"]["account.not_found-or-invitation.not_found"];
            409: components["responses"]["invitation.ended"];
            429: components["responses"]["invitation.too_many"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postNodeBeat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sequence": 17,
                 *       "facts": {
                 *         "capacity": 20,
                 *         "sessions": 1,
                 *         "version": "0.1.0",
                 *         "draining": false,
                 *         "spotNotice": false
                 *       },
                 *       "sessions": [
                 *         "ses_06f3k9w2m4qz7x8y1v5t0r6n3b"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["NodeBeat"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sequence": 17,
                     *       "end": [],
                     *       "generations": {},
                     *       "drain": false,
                     *       "beatSeconds": 5,
                     *       "publicKeys": [
                     *         {
                     *           "kty": "OKP",
                     *           "crv": "Ed25519",
                     *           "kid": "k1",
                     *           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["NodeBeatAnswer"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["node.unauthenticated"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postNodeJoin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "join_kq3ZQv7xv9C1u5h2Y0sW8tNfRb4mJdLpAeGzXcVnUoM",
                 *       "url": "https://10.0.4.17:8701",
                 *       "fingerprint": "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7",
                 *       "facts": {
                 *         "capacity": 20,
                 *         "sessions": 1,
                 *         "version": "0.1.0",
                 *         "draining": false,
                 *         "spotNotice": false
                 *       },
                 *       "machine": {
                 *         "provider": "local",
                 *         "id": "rack4-17"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["NodeJoin"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "nodeId": "nod_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "publicKeys": [
                     *         {
                     *           "kty": "OKP",
                     *           "crv": "Ed25519",
                     *           "kid": "k1",
                     *           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
                     *         }
                     *       ],
                     *       "credential": "node_J8yVj2b7o1nUj0rC6kq3ZQv7xv9C1u5h2Y0sW8tNfRb"
                     *     }
                     */
                    "application/json": components["schemas"]["NodeJoined"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            403: components["responses"]["node.join_refused"];
            409: components["responses"]["node.already_joined"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postNodeLeave: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "sequence": 18
                 *     }
                 */
                "application/json": components["schemas"]["NodeLeave"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["node.unauthenticated"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postNodeRecordings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                 *       "name": "manifest.json",
                 *       "base64": "e30="
                 *     }
                 */
                "application/json": components["schemas"]["RecordingPart"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["node.unauthenticated"];
            404: components["responses"]["session.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postNodeReports: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sessions": [
                 *         {
                 *           "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                 *           "lastActivityMs": 1795000000000
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["NodeReports"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["node.unauthenticated"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getOperationsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `op_…`
                 * @example op_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "op_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "kind": "recovery.retry-dead-jobs",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "running",
                     *       "progress": {
                     *         "done": 100,
                     *         "total": 230
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "startedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Operation"];
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-operation.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["operation.too_many_followers-or-server.stopping-or-server.unavailable"];
        };
    };
    deleteOperationsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `op_…`
                 * @example op_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "op_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "kind": "recovery.retry-dead-jobs",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "cancelled",
                     *       "progress": {
                     *         "done": 100,
                     *         "total": 230
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "startedAt": "2026-11-20T12:00:00.000Z",
                     *       "endedAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Operation"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-operation.not_found"];
            409: components["responses"]["operation.ended"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postPdf: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "html": "<h1>Invoice</h1>",
                 *       "paper": "a4",
                 *       "background": true
                 *     }
                 */
                "application/json": components["schemas"]["PrintPage"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "bytes": 8,
                     *       "base64": "JVBERi0xLjQ="
                     *     }
                     */
                    "application/json": components["schemas"]["PdfResult"];
                    "application/pdf": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.cookie_refused-or-browser.not_actionable-or-browser.output_too_large-or-browser.print_refused-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused"];
            429: components["responses"]["browser.busy-or-session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getRoles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "super-admin",
                     *           "scope": "platform",
                     *           "summary": "Runs the installation; may do everything",
                     *           "permissions": [
                     *             "accounts.read",
                     *             "accounts.write",
                     *             "accounts.create",
                     *             "accounts.move",
                     *             "accounts.manage",
                     *             "accounts.delete",
                     *             "accounts.transfer",
                     *             "members.read",
                     *             "members.write",
                     *             "invitations.read",
                     *             "invitations.write",
                     *             "staff.read",
                     *             "staff.write",
                     *             "users.read",
                     *             "users.write",
                     *             "users.create",
                     *             "users.delete",
                     *             "users.secure",
                     *             "users.tier",
                     *             "users.impersonate",
                     *             "sessions.read",
                     *             "sessions.write",
                     *             "tunnels.read",
                     *             "tunnels.write",
                     *             "relays.read",
                     *             "relays.write",
                     *             "keys.read",
                     *             "keys.write",
                     *             "keys.revoke",
                     *             "factors.require",
                     *             "signing.read",
                     *             "signing.rotate",
                     *             "secrets.read",
                     *             "secrets.rotate",
                     *             "fleet.read",
                     *             "fleet.write",
                     *             "settings.read",
                     *             "settings.write",
                     *             "mails.read",
                     *             "mails.write",
                     *             "mails.preview",
                     *             "jobs.read",
                     *             "jobs.write",
                     *             "errors.read",
                     *             "recovery.run",
                     *             "addresses.read",
                     *             "addresses.write",
                     *             "alerts.read",
                     *             "alerts.write",
                     *             "audit.read",
                     *             "audit.export",
                     *             "audit.verify"
                     *           ],
                     *           "grants": [
                     *             {
                     *               "permission": "accounts.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "accounts.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "accounts.create",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "accounts.move",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "accounts.manage",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "accounts.delete",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "accounts.transfer",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "members.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "members.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "invitations.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "invitations.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "staff.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "staff.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.create",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.delete",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.secure",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.tier",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "users.impersonate",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "sessions.read",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "sessions.write",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "tunnels.read",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "tunnels.write",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "relays.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "relays.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "keys.read",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": true
                     *             },
                     *             {
                     *               "permission": "keys.write",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "keys.revoke",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "factors.require",
                     *               "where": [
                     *                 "own"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "signing.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "signing.rotate",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "secrets.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "secrets.rotate",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "fleet.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "fleet.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "settings.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "settings.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "mails.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "mails.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "mails.preview",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "jobs.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "jobs.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "errors.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "recovery.run",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "addresses.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "addresses.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "alerts.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "alerts.write",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "audit.read",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "audit.export",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             },
                     *             {
                     *               "permission": "audit.verify",
                     *               "where": [
                     *                 "all"
                     *               ],
                     *               "lent": false
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Role"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postScreenshot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://example.com/",
                 *       "fullPage": true,
                 *       "waitFor": {
                 *         "selector": "h1"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TakeScreenshot"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "format": "png",
                     *       "width": 1280,
                     *       "height": 720,
                     *       "cut": false,
                     *       "base64": "iVBORw0KGgo="
                     *     }
                     */
                    "application/json": components["schemas"]["ScreenshotResult"];
                    "image/png": string;
                    "image/jpeg": string;
                    "image/webp": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.cookie_refused-or-browser.not_actionable-or-browser.script_failed-or-browser.selector_invalid-or-browser.selector_not_found-or-browser.url_refused"];
            429: components["responses"]["browser.busy-or-session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessions: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /** @description Only sessions in this state */
                status?: "queued" | "starting" | "active" | "closed" | "error";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "status": "active",
                     *           "startTime": "2026-11-20T12:00:00.250Z",
                     *           "lastActivityTime": "2026-11-20T12:00:00.250Z",
                     *           "expiresAt": "2026-11-20T13:00:00.000Z",
                     *           "timeoutSeconds": 3600,
                     *           "idleTimeoutSeconds": 600,
                     *           "viewport": {
                     *             "width": 1280,
                     *             "height": 720
                     *           },
                     *           "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *           "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0",
                     *           "metadata": {
                     *             "purpose": "price check"
                     *           },
                     *           "createdAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["SessionPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessions: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request within 24 hours answers with what the first one made. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "viewport": {
                 *         "width": 1280,
                 *         "height": 720
                 *       },
                 *       "metadata": {
                 *         "purpose": "price check"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateSession"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "active",
                     *       "startTime": "2026-11-20T12:00:00.250Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.250Z",
                     *       "expiresAt": "2026-11-20T13:00:00.000Z",
                     *       "timeoutSeconds": 3600,
                     *       "idleTimeoutSeconds": 600,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *       "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0",
                     *       "metadata": {
                     *         "purpose": "price check"
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["idempotency.in_progress-or-session.closed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request-or-session.proxy_refused"];
            429: components["responses"]["session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping"];
            504: components["responses"]["request.timeout"];
        };
    };
    getSessionsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "active",
                     *       "startTime": "2026-11-20T12:00:00.250Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.250Z",
                     *       "expiresAt": "2026-11-20T13:00:00.000Z",
                     *       "timeoutSeconds": 3600,
                     *       "idleTimeoutSeconds": 600,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *       "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0",
                     *       "metadata": {
                     *         "purpose": "price check"
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserSession"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteSessionsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "closed",
                     *       "startTime": "2026-11-20T12:00:00.250Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.250Z",
                     *       "expiresAt": "2026-11-20T13:00:00.000Z",
                     *       "timeoutSeconds": 3600,
                     *       "idleTimeoutSeconds": 600,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *       "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0",
                     *       "metadata": {
                     *         "purpose": "price check"
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "endReason": "asked",
                     *       "endTime": "2026-11-20T12:05:00.000Z",
                     *       "wipe": {
                     *         "processes": 0,
                     *         "directories": 0,
                     *         "sockets": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserSession"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    patchSessionsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "idleTimeoutSeconds": 1800
                 *     }
                 */
                "application/json": components["schemas"]["ChangeSession"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "accountId": "acc_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "instanceId": "ins_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "active",
                     *       "startTime": "2026-11-20T12:00:00.250Z",
                     *       "lastActivityTime": "2026-11-20T12:00:00.250Z",
                     *       "expiresAt": "2026-11-20T13:00:00.000Z",
                     *       "timeoutSeconds": 3600,
                     *       "idleTimeoutSeconds": 1800,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *       "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0",
                     *       "metadata": {
                     *         "purpose": "price check"
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserSession"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed"];
            410: components["responses"]["browser.crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdBack: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "waitUntil": "load"
                 *     }
                 */
                "application/json": components["schemas"]["Journey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "status": 200
                     *     }
                     */
                    "application/json": components["schemas"]["NavigateResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.no_history-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "commands": [
                 *         {
                 *           "type": "navigate",
                 *           "url": "https://example.com/"
                 *         },
                 *         {
                 *           "type": "execute",
                 *           "script": "document.title"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["Batch"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "results": [
                     *         {
                     *           "type": "navigate",
                     *           "status": "success",
                     *           "durationMs": 320,
                     *           "result": {
                     *             "url": "https://example.com/",
                     *             "title": "Example Domain",
                     *             "status": 200
                     *           }
                     *         },
                     *         {
                     *           "type": "execute",
                     *           "status": "success",
                     *           "durationMs": 4,
                     *           "result": {
                     *             "result": "Example Domain"
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["BatchResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdClick: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "selector": "#submit"
                 *     }
                 */
                "application/json": components["schemas"]["Click"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["PageResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdCommands: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "cmd_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "type": "navigate",
                     *           "params": {
                     *             "url": "https://example.com/"
                     *           },
                     *           "startTime": "2026-11-20T12:00:01.000Z",
                     *           "endTime": "2026-11-20T12:00:01.320Z",
                     *           "status": "success",
                     *           "result": {
                     *             "url": "https://example.com/",
                     *             "title": "Example Domain",
                     *             "status": 200
                     *           },
                     *           "actor": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["CommandPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getSessionsIdConsole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-recording.not_recorded-or-session.not_found"];
            409: components["responses"]["recording.not_yet"];
            500: components["responses"]["recording.unreadable-or-server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
        };
    };
    getSessionsIdControl: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "holder": {
                     *         "kind": "person",
                     *         "id": "usr_06ax8m3k7v9q2t5w8z1b4d6f8h"
                     *       },
                     *       "requests": []
                     *     }
                     */
                    "application/json": components["schemas"]["ControlState"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdControl: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "seconds": 300,
                 *       "reason": "to enter the second factor"
                 *     }
                 */
                "application/json": components["schemas"]["RequestControl"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "outcome": "granted",
                     *       "holder": {
                     *         "kind": "person",
                     *         "id": "usr_06ax8m3k7v9q2t5w8z1b4d6f8h"
                     *       },
                     *       "requests": []
                     *     }
                     */
                    "application/json": components["schemas"]["ControlState"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required-or-session.may_not_force"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["session.control_queue_full"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteSessionsIdControl: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "outcome": "returned",
                     *       "requests": []
                     *     }
                     */
                    "application/json": components["schemas"]["ControlState"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed-or-session.not_in_control-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdCookies: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "action": "get",
                 *       "urls": [
                 *         "https://example.com/"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CookiesCommand"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "cookies": [
                     *         {
                     *           "name": "theme",
                     *           "value": "dark",
                     *           "domain": "example.com",
                     *           "path": "/",
                     *           "httpOnly": false,
                     *           "secure": true,
                     *           "sameSite": "Lax"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["CookiesResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.cookie_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdDialog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "action": "accept",
                 *       "promptText": "Ada"
                 *     }
                 */
                "application/json": components["schemas"]["AnswerDialog"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "answered": [
                     *         {
                     *           "type": "prompt",
                     *           "message": "Your name?"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DialogResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.no_dialog-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdDownloads: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "1f0b7c1e-6d0a-4a55-9a2e-0c5b7f6f2d11",
                     *           "url": "https://example.com/report.pdf",
                     *           "suggestedName": "report.pdf",
                     *           "bytes": 48213,
                     *           "status": "completed",
                     *           "startedAt": "2026-11-20T12:00:04.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["Downloads"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getSessionsIdDownloadsDownloadId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
                /** @example 1f0b7c1e-6d0a-4a55-9a2e-0c5b7f6f2d11 */
                downloadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-download.not_found-or-session.not_found"];
            409: components["responses"]["download.not_ready-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
        };
    };
    postSessionsIdExecute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "script": "document.title"
                 *     }
                 */
                "application/json": components["schemas"]["Execute"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "result": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["ExecuteResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.result_not_serializable-or-browser.result_too_large-or-browser.script_failed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdExtract: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "schema": {
                 *         "title": "h1",
                 *         "links": {
                 *           "selector": "a",
                 *           "all": true,
                 *           "attribute": "href"
                 *         },
                 *         "items": {
                 *           "selector": ".item",
                 *           "all": true,
                 *           "fields": {
                 *             "name": "b",
                 *             "price": ".price"
                 *           }
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["Extract"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "data": {
                     *         "title": "Example Domain",
                     *         "links": [
                     *           "https://example.com/more"
                     *         ],
                     *         "items": []
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ExtractResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.result_too_large-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdForward: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "waitUntil": "load"
                 *     }
                 */
                "application/json": components["schemas"]["Journey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "status": 200
                     *     }
                     */
                    "application/json": components["schemas"]["NavigateResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.no_history-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdHar: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-recording.not_recorded-or-session.not_found"];
            409: components["responses"]["recording.not_yet"];
            500: components["responses"]["recording.unreadable-or-server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
        };
    };
    getSessionsIdLive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Switching Protocols */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            426: components["responses"]["live.upgrade_required"];
            429: components["responses"]["session.too_many_sockets"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdNavigate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://example.com/"
                 *     }
                 */
                "application/json": components["schemas"]["Navigate"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "status": 200
                     *     }
                     */
                    "application/json": components["schemas"]["NavigateResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdPdf: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "paper": "a4",
                 *       "background": true,
                 *       "marginsMm": {
                 *         "top": 20,
                 *         "bottom": 20
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["Pdf"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "bytes": 8,
                     *       "base64": "JVBERi0xLjQ="
                     *     }
                     */
                    "application/json": components["schemas"]["PdfResult"];
                    "application/pdf": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.output_too_large-or-browser.print_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdRecording: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "format": "gantry-recording",
                     *       "version": 1,
                     *       "startedAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:09.000Z",
                     *       "complete": false,
                     *       "parts": [
                     *         {
                     *           "name": "frames-000001.bin",
                     *           "kind": "frames",
                     *           "bytes": 182044,
                     *           "url": "http://127.0.0.1:8700/objects/recordings/…"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RecordingManifest"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-recording.not_recorded-or-session.not_found"];
            409: components["responses"]["recording.not_yet"];
            500: components["responses"]["recording.unreadable-or-server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdReload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "waitUntil": "load"
                 *     }
                 */
                "application/json": components["schemas"]["Journey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "status": 200
                     *     }
                     */
                    "application/json": components["schemas"]["NavigateResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.no_history-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdScreenshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "format": "png",
                 *       "fullPage": true
                 *     }
                 */
                "application/json": components["schemas"]["Screenshot"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "format": "png",
                     *       "width": 1280,
                     *       "height": 720,
                     *       "cut": false,
                     *       "base64": "iVBORw0KGgo="
                     *     }
                     */
                    "application/json": components["schemas"]["ScreenshotResult"];
                    "image/png": string;
                    "image/jpeg": string;
                    "image/webp": string;
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdScroll: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "y": 600
                 *     }
                 */
                "application/json": components["schemas"]["Scroll"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "x": 0,
                     *       "y": 600
                     *     }
                     */
                    "application/json": components["schemas"]["ScrollResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdState: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "loading": false,
                     *       "viewport": {
                     *         "width": 1280,
                     *         "height": 720
                     *       },
                     *       "scroll": {
                     *         "x": 0,
                     *         "y": 0
                     *       },
                     *       "tabs": [
                     *         {
                     *           "id": "E2A9C1",
                     *           "url": "https://example.com/",
                     *           "title": "Example Domain",
                     *           "active": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageState"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdTabs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "action": "open",
                 *       "url": "https://example.com/"
                 *     }
                 */
                "application/json": components["schemas"]["TabsCommand"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "tabId": "E2A9C1",
                     *       "tabs": [
                     *         {
                     *           "id": "E2A9C1",
                     *           "url": "https://example.com/",
                     *           "title": "Example Domain",
                     *           "active": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["TabsResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-browser.tab_not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-browser.too_many_tabs-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused-or-browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getSessionsIdTrace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": string;
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-recording.not_recorded-or-session.not_found"];
            409: components["responses"]["recording.not_yet"];
            500: components["responses"]["recording.unreadable-or-server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
        };
    };
    postSessionsIdType: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "selector": "#name",
                 *       "text": "Ada",
                 *       "clear": true
                 *     }
                 */
                "application/json": components["schemas"]["Type"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain"
                     *     }
                     */
                    "application/json": components["schemas"]["PageResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdUpload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "files": [
                 *         {
                 *           "name": "list.csv",
                 *           "contentType": "text/csv",
                 *           "base64": "YSxiCg=="
                 *         }
                 *       ],
                 *       "selector": "input[type=file]"
                 *     }
                 */
                "application/json": components["schemas"]["Upload"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "files": [
                     *         {
                     *           "name": "list.csv",
                     *           "bytes": 4,
                     *           "path": "/uploads/5f0c1a2b3d4e/list.csv"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["UploadResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["browser.upload_too_large-or-browser.uploads_full-or-request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["browser.uploads_unavailable-or-server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    postSessionsIdUrls: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "cdp": "observer",
                 *       "live": "watch"
                 *     }
                 */
                "application/json": components["schemas"]["SessionUrlsWish"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "cdpUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M",
                     *       "liveUrl": "ws://127.0.0.1:8700/live/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0"
                     *     }
                     */
                    "application/json": components["schemas"]["SessionUrls"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["session.closed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postSessionsIdWait: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "selector": "#result",
                 *       "state": "visible",
                 *       "timeoutMs": 10000
                 *     }
                 */
                "application/json": components["schemas"]["Wait"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sessionId": "ses_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "url": "https://example.com/",
                     *       "title": "Example Domain",
                     *       "waitedMs": 412
                     *     }
                     */
                    "application/json": components["schemas"]["WaitResult"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.controlled-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.script_failed-or-browser.selector_invalid"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.command_refused"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
        };
    };
    getUsersMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "settings": {
                     *         "theme": "dark",
                     *         "language": "en",
                     *         "notifications": {
                     *           "email": true,
                     *           "inApp": true
                     *         },
                     *         "browserPreferences": {
                     *           "defaultViewport": {
                     *             "width": 1440,
                     *             "height": 900
                     *           },
                     *           "defaultTimeout": 15000
                     *         }
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putUsersMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "firstName": "Ann",
                 *       "settings": {
                 *         "theme": "dark"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["ProfileChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "settings": {
                     *         "theme": "dark",
                     *         "language": "en",
                     *         "notifications": {
                     *           "email": true,
                     *           "inApp": true
                     *         },
                     *         "browserPreferences": {
                     *           "defaultViewport": {
                     *             "width": 1440,
                     *             "height": 900
                     *           },
                     *           "defaultTimeout": 15000
                     *         }
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "restoreUntil": "2026-12-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Departing"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["account.has_accounts-or-user.last_super_admin-or-user.sole_owner"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putUsersMeAvatar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "base64": "iVBORw0KGgo="
                 *     }
                 */
                "application/json": components["schemas"]["SetAvatar"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "settings": {
                     *         "theme": "dark",
                     *         "language": "en",
                     *         "notifications": {
                     *           "email": true,
                     *           "inApp": true
                     *         },
                     *         "browserPreferences": {
                     *           "defaultViewport": {
                     *             "width": 1440,
                     *             "height": 900
                     *           },
                     *           "defaultTimeout": 15000
                     *         }
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z",
                     *       "avatarUrl": "/api/v1/avatars/c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                     *     }
                     */
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["avatar.not_a_picture-or-avatar.too_many_pixels-or-request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["avatar.too_large-or-request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["avatar.busy-or-avatar.unavailable-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersMeAvatar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersMeDevices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "sgn_06bmza0c8dr7z3k1p5q9v2x4tc",
                     *           "userId": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *           "createdAt": "2026-11-20T12:00:00.000Z",
                     *           "expiresAt": "2026-12-04T12:00:00.000Z",
                     *           "lastActivityAt": "2026-11-20T12:00:00.000Z",
                     *           "ipAddress": "203.0.113.7",
                     *           "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0.0.0 Safari/537.36",
                     *           "current": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DeviceList"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersMeDevices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersMeDevicesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example sgn_06bmza0c8dr7z3k1p5q9v2x4tc */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-device.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postUsersMeExport: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "operationId": "op_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "exportId": "exp_06f3k9w2m4qz7x8y1v5t0r6n3b"
                     *     }
                     */
                    "application/json": components["schemas"]["StartedExport"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["export.under_way"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersMeExportId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `exp_…`
                 * @example exp_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "exp_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *       "status": "ready",
                     *       "bytes": 48211,
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "readyAt": "2026-11-20T12:00:02.000Z",
                     *       "expiresAt": "2026-11-27T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DataExport"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-export.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postUsersMeExportIdDownload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `exp_…`
                 * @example exp_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "url": "https://gantry.example.com/objects/exports/…?expires=…&signature=…",
                     *       "expiresAt": "2026-11-20T12:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ExportDownload"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found-or-export.not_found"];
            409: components["responses"]["export.not_ready"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersMeIdentities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "lid_06bmza0c8dr7z3k1p5q9v2x4td",
                     *           "provider": "acme",
                     *           "providerName": "Acme",
                     *           "email": "ann@acme.example",
                     *           "createdAt": "2026-11-20T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["LinkedIdentityList"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postUsersMeIdentities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["UseProviderCode"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "lid_06bmza0c8dr7z3k1p5q9v2x4td",
                     *       "provider": "acme",
                     *       "providerName": "Acme",
                     *       "email": "ann@acme.example",
                     *       "createdAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["LinkedIdentity"];
                };
            };
            400: components["responses"]["oauth.code_invalid-or-request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.https_required-or-auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found"];
            409: components["responses"]["oauth.linked_elsewhere-or-oauth.too_many_identities"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersMeIdentitiesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example lid_06bmza0c8dr7z3k1p5q9v2x4td */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required"];
            404: components["responses"]["account.not_found-or-oauth.identity_not_found"];
            409: components["responses"]["oauth.last_way_in"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    postUsersMeRestore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU"
                 *     }
                 */
                "application/json": components["schemas"]["UseLink"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["auth.link_invalid-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            429: components["responses"]["auth.too_many_attempts"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersMeSignIns: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "sir_06bmza0c8dr7z3k1p5q9v2x4td",
                     *           "at": "2026-11-20T12:00:00.000Z",
                     *           "result": "signed_in",
                     *           "ipAddress": "203.0.113.7",
                     *           "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0.0.0 Safari/537.36"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["SignInRecordPage"];
                };
            };
            400: components["responses"]["request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "theme": "dark",
                     *       "language": "en",
                     *       "notifications": {
                     *         "email": true,
                     *         "inApp": true
                     *       },
                     *       "browserPreferences": {
                     *         "defaultViewport": {
                     *           "width": 1440,
                     *           "height": 900
                     *         },
                     *         "defaultTimeout": 15000
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserSettings"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putUsersSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "theme": "dark"
                 *     }
                 */
                "application/json": components["schemas"]["UserSettingsChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "theme": "dark",
                     *       "language": "en",
                     *       "notifications": {
                     *         "email": true,
                     *         "inApp": true
                     *       },
                     *       "browserPreferences": {
                     *         "defaultViewport": {
                     *           "width": 1440,
                     *           "height": 900
                     *         },
                     *         "defaultTimeout": 15000
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserSettings"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example usr_06bmza0c8dr7z3k1p5q9v2x4ta */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "settings": {
                     *         "theme": "dark",
                     *         "language": "en",
                     *         "notifications": {
                     *           "email": true,
                     *           "inApp": true
                     *         },
                     *         "browserPreferences": {
                     *           "defaultViewport": {
                     *             "width": 1440,
                     *             "height": 900
                     *           },
                     *           "defaultTimeout": 15000
                     *         }
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["User"] | components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    putUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example usr_06bmza0c8dr7z3k1p5q9v2x4ta */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "firstName": "Ann"
                 *     }
                 */
                "application/json": components["schemas"]["SeenUserChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "usr_06bmza0c8dr7z3k1p5q9v2x4ta",
                     *       "email": "ann@example.com",
                     *       "emailVerified": false,
                     *       "firstName": "Ann",
                     *       "lastName": "Lovelace",
                     *       "tier": "free",
                     *       "roles": [
                     *         "account-owner"
                     *       ],
                     *       "accountId": "acc_06bmza0c8dr7z3k1p5q9v2x4tb",
                     *       "settings": {
                     *         "theme": "dark",
                     *         "language": "en",
                     *         "notifications": {
                     *           "email": true,
                     *           "inApp": true
                     *         },
                     *         "browserPreferences": {
                     *           "defaultViewport": {
                     *             "width": 1440,
                     *             "height": 900
                     *           },
                     *           "defaultTimeout": 15000
                     *         }
                     *       },
                     *       "createdAt": "2026-11-20T12:00:00.000Z",
                     *       "updatedAt": "2026-11-20T12:00:00.000Z",
                     *       "lastLoginAt": "2026-11-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["User"] | components["schemas"]["AdminUser"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    deleteUsersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example usr_06bmza0c8dr7z3k1p5q9v2x4ta */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "restoreUntil": "2026-12-20T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Departing"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.not_as_another-or-auth.second_factor_required-or-auth.step_up_required-or-user.belongs_elsewhere-or-user.not_below_you"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            409: components["responses"]["account.has_accounts-or-user.last_super_admin-or-user.leaving-or-user.sole_owner"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getUsersIdActivity: {
        parameters: {
            query?: {
                /**
                 * @description Items in a page
                 * @example 20
                 */
                limit?: number;
                /** @description `nextCursor` of the page before; absent for the first page */
                cursor?: string;
                /**
                 * @description `session.ended`, or `session.*` for all that begin so
                 * @example session.*
                 */
                action?: string;
                /** @description Not before this */
                from?: string & (unknown & unknown);
                /** @description Before this */
                to?: string & (unknown & unknown);
            };
            header?: never;
            path: {
                /** @example usr_06f3k9w2m4qz7x8y1v5t0r6n3b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "evt_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "at": "2026-11-20T12:00:00.000Z",
                     *           "action": "user.signed_in",
                     *           "result": "succeeded",
                     *           "by": {
                     *             "kind": "user"
                     *           },
                     *           "target": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *           "address": "192.0.2.7",
                     *           "agent": "curl/8.5.0",
                     *           "data": {
                     *             "userId": "usr_06f3k9w2m4qz7x8y1v5t0r6n3b",
                     *             "amr": [
                     *               "pwd"
                     *             ]
                     *           }
                     *         }
                     *       ],
                     *       "nextCursor": null,
                     *       "usage": {
                     *         "browsers.sessions": 3,
                     *         "browsers.minutes": 41.5
                     *       }
                     *     }
                     */
                    "application/json": {
                        items: components["schemas"]["Activity"][];
                        /** @description For the next page; null on the last */
                        nextCursor: string | null;
                        /** @description What the user used in the time that was asked for, else in the last 30 days: `browsers.sessions` that were started, `browsers.minutes` that browsers were theirs */
                        usage: {
                            [key: string]: number;
                        };
                    };
                };
            };
            400: components["responses"]["audit.search_too_wide-or-request.bad_cursor-or-request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.key_not_allowed-or-auth.second_factor_required"];
            404: components["responses"]["account.not_found-or-user.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getCdp: {
        parameters: {
            query?: {
                /** @description Inner width of pages; with `height` */
                width?: number;
                /** @description Inner height of pages; with `width` */
                height?: number;
                userAgent?: string;
                /** @description Language that pages see, as a BCP 47 tag */
                locale?: string;
                /** @description Time zone that pages see */
                timezone?: string;
                /** @description Longest life; 3600 unless given */
                timeoutSeconds?: number;
                /** @description Ends this long after the last command; 600 unless given */
                idleTimeoutSeconds?: number;
                /** @description Proxy for all its traffic: http://, https:// or socks5:// */
                proxy?: string;
                /** @description An API key; rather send `Authorization: Bearer`, since addresses end up in logs */
                apiKey?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Switching Protocols */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden"];
            409: components["responses"]["session.closed"];
            422: components["responses"]["session.proxy_refused"];
            426: components["responses"]["cdp.upgrade_required"];
            429: components["responses"]["session.account_limit_reached-or-session.limit_reached-or-session.queue_full"];
            500: components["responses"]["server.error"];
            503: components["responses"]["browser.launch_failed-or-node.disk_full-or-server.stopping-or-server.unavailable-or-session.no_machines-or-session.paused-or-session.queue_timeout-or-session.server_stopping"];
            504: components["responses"]["request.timeout"];
        };
    };
    getCdpJsonVersion: {
        parameters: {
            query?: {
                /** @description Inner width of pages; with `height` */
                width?: number;
                /** @description Inner height of pages; with `width` */
                height?: number;
                userAgent?: string;
                /** @description Language that pages see, as a BCP 47 tag */
                locale?: string;
                /** @description Time zone that pages see */
                timezone?: string;
                /** @description Longest life; 3600 unless given */
                timeoutSeconds?: number;
                /** @description Ends this long after the last command; 600 unless given */
                idleTimeoutSeconds?: number;
                /** @description Proxy for all its traffic: http://, https:// or socks5:// */
                proxy?: string;
                /**
                 * @description An API key; rather send `Authorization: Bearer`, since addresses end up in logs
                 * @example gk_live_…
                 */
                apiKey?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "Browser": "Chrome/141.0.7390.54",
                     *       "Protocol-Version": "1.3",
                     *       "webSocketDebuggerUrl": "ws://127.0.0.1:8700/cdp?apiKey=gk_live_…"
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserVersion"];
                };
            };
            400: components["responses"]["request.invalid"];
            401: components["responses"]["auth.unauthenticated"];
            403: components["responses"]["auth.forbidden"];
            422: components["responses"]["session.proxy_refused"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getCdpIdSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
                /**
                 * @description Of the address as the session shows it
                 * @example Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M
                 */
                secret: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Switching Protocols */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            426: components["responses"]["cdp.upgrade_required"];
            429: components["responses"]["session.too_many_sockets"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getCdpIdSecretJsonVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
                /**
                 * @description Of the address as the session shows it
                 * @example Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M
                 */
                secret: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "Browser": "Chrome/141.0.7390.54",
                     *       "Protocol-Version": "1.3",
                     *       "webSocketDebuggerUrl": "ws://127.0.0.1:8700/cdp/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M"
                     *     }
                     */
                    "application/json": components["schemas"]["BrowserVersion"];
                };
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getConsoleFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example app.js */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "text/javascript": string;
                    "text/css": string;
                    "image/svg+xml": string;
                };
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["console.unknown_file"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getConsoleFolderFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example entry */
                folder: string;
                /** @example sign-in.js */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                };
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["console.unknown_file"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "version": "0.1.0",
                     *       "environment": "production",
                     *       "roles": [
                     *         "api",
                     *         "worker",
                     *         "relay",
                     *         "node"
                     *       ],
                     *       "uptimeSeconds": 86400,
                     *       "checks": {
                     *         "database": {
                     *           "status": "ok",
                     *           "what": "PostgreSQL answers a query",
                     *           "critical": true,
                     *           "durationMs": 0.6
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getHealthLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["Liveness"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getHealthReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["request.invalid"];
            500: components["responses"]["server.error"];
            503: components["responses"]["health.not_ready-or-server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getHealthCheck: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description A name of `checks` in `/health`
                 * @example database
                 */
                check: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "what": "PostgreSQL answers a query",
                     *       "critical": true,
                     *       "durationMs": 0.6
                     *     }
                     */
                    "application/json": components["schemas"]["CheckReport"];
                };
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["health.unknown_check"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getLiveIdSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of a session
                 * @example ses_06f3k9w2m4qz7x8y1v5t0r6n3b
                 */
                id: string;
                /**
                 * @description Of the address as the session shows it
                 * @example Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M
                 */
                secret: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Switching Protocols */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["request.invalid"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed"];
            426: components["responses"]["live.upgrade_required"];
            429: components["responses"]["session.too_many_sockets"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable-or-session.unreachable"];
            504: components["responses"]["request.timeout"];
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["request.invalid"];
            403: components["responses"]["metrics.forbidden"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
        };
    };
}
