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
         * @description The answer does not tell whether the address or the password was wrong.
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
         *     Open to everybody who is signed in: everybody may leave.
         */
        post: operations["postAuthLogout"];
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
         * @description Each refresh token works once. A client that lost the answer may ask again within 10 seconds and gets the same pair; a token that comes back later, or from elsewhere, ends the sign-in. A sign-in ends 14 days after its last refresh unless configured otherwise, and 30 days after it began in any case.
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
         * @description Each refresh token works once. A client that lost the answer may ask again within 10 seconds and gets the same pair; a token that comes back later, or from elsewhere, ends the sign-in. A sign-in ends 14 days after its last refresh unless configured otherwise, and 30 days after it began in any case.
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
         * @description Answers once the browser is ready. It has a process, a profile and a temporary directory of its own.
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
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the signed-in user
         * @description Open to everybody who is signed in: everybody sees and changes their own profile.
         */
        get: operations["getUsersMe"];
        /**
         * Change the name or the settings of the signed-in user
         * @description Members that are left out stay as they are; `null` removes a name. What was read may be sent back whole: read-only members are accepted when they are unchanged.
         *
         *     Open to everybody who is signed in: everybody sees and changes their own profile.
         */
        put: operations["putUsersMe"];
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
         * @description Open to everybody who is signed in: everybody sees and changes their own profile.
         */
        get: operations["getUsersSettings"];
        /**
         * Change settings of the signed-in user
         * @description Members that are left out stay as they are; one that is given is replaced as a whole.
         *
         *     Open to everybody who is signed in: everybody sees and changes their own profile.
         */
        put: operations["putUsersSettings"];
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
        Bootstrap: {
            token: string;
            /** Format: email */
            email: string;
            /** Format: password */
            password: string;
            firstName?: string;
            lastName?: string;
        };
        BrowserCommand: {
            /** Format: starts_with */
            id: string;
            /** @description Id of a session */
            sessionId: string;
            /** @enum {string} */
            type: "navigate" | "click" | "type" | "screenshot" | "execute" | "scroll";
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
            /** @description The user who gave it */
            actor: string;
        };
        BrowserSession: {
            /** @description Id of a session */
            id: string;
            accountId: string;
            userId: string;
            /** @description The machine that runs it */
            instanceId: string;
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
            /** @description asked, idle, timeout, server_stopped, launch_failed, crashed or lost */
            endReason?: string;
            metadata: {
                [key: string]: string;
            };
            wipe?: components["schemas"]["WipeReport"];
            /** Format: date-time */
            createdAt: string;
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
            /** @description Your own labels */
            metadata?: {
                [key: string]: string;
            };
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
                kind: "anonymous" | "system" | "user";
                name?: string;
                userId?: string;
            };
            /** @description Without what looks like a secret */
            input: unknown;
            /** @description Of the last try that failed */
            error?: unknown;
        };
        /** @description RFC 7517 */
        JsonWebKeySet: {
            keys: {
                [key: string]: unknown;
            }[];
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
        };
        Navigate: {
            /** @example https://example.com/ */
            url: string;
            /**
             * @description load unless given
             * @enum {string}
             */
            waitUntil?: "load" | "domcontentloaded" | "networkidle" | "commit";
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
        Operation: {
            /** @description `op_…` */
            id: string;
            /** @description What is done: `recovery.retry-dead-jobs` */
            kind: string;
            /** @description Who started it */
            userId: string;
            /** @enum {string} */
            status: "queued" | "running" | "succeeded" | "failed";
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
        Readiness: {
            /** @enum {string} */
            status: "ok" | "degraded";
        };
        RecoveryAction: {
            name: string;
            what: string;
        };
        Refresh: {
            refreshToken: string;
        };
        Register: {
            /** Format: email */
            email: string;
            /** Format: password */
            password: string;
            firstName?: string;
            lastName?: string;
        };
        Role: {
            /** @description As it stands in `roles` of a user */
            name: string;
            /** @enum {string} */
            scope: "platform" | "account";
            summary: string;
            permissions: string[];
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
        SessionPage: {
            items: components["schemas"]["BrowserSession"][];
            /** @description For the next page; null on the last */
            nextCursor: string | null;
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
        SignedIn: {
            user: components["schemas"]["User"];
            /** @description Goes into `Authorization: Bearer …` */
            accessToken: string;
            /** @description Buys the next pair of tokens, once */
            refreshToken: string;
            /** @description Of the access token */
            expiresInSeconds: number;
        };
        StartedOperation: {
            /** @description `op_…` */
            operationId: string;
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
        User: {
            /** @description `usr_…` */
            id: string;
            email: string;
            emailVerified: boolean;
            firstName?: string;
            lastName?: string;
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
        /** @description Inner size of the page in CSS pixels */
        Viewport: {
            width: number;
            height: number;
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
        /** @description `auth.email_taken`: That e-mail address is in use. */
        "auth.email_taken": {
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
         */
        "browser.busy-or-session.account_limit_reached": {
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
         *     `browser.page_closed`: The page was closed.
         *     `session.ambiguous`: Several sessions are open.
         *     `session.closed`: The session is closed.
         *     `session.none_open`: No session is open.
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready": {
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
         *     `session.not_ready`: The session has no browser yet.
         */
        "browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description `browser.launch_failed`: The browser did not start.
         *     `server.stopping`: The server is stopping.
         *     `server.unavailable`: Something that this needs is away for the moment.
         *     `session.limit_reached`: Every place for a browser is taken.
         *     `session.paused`: No new sessions are started at the moment.
         */
        "browser.launch_failed-or-server.stopping-or-server.unavailable-or-session.limit_reached-or-session.paused": {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `browser.navigation_failed`: The page could not be opened. */
        "browser.navigation_failed": {
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
        /** @description `browser.url_refused`: That address may not be opened. */
        "browser.url_refused": {
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
        /** @description `job.not_found`: No such job. */
        "job.not_found": {
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
        /** @description `operation.not_found`: No such operation. */
        "operation.not_found": {
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
        /** @description `recovery.unknown_action`: No such recovery action. */
        "recovery.unknown_action": {
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
        /** @description `session.account_limit_reached`: Your account has as many sessions open as it may. */
        "session.account_limit_reached": {
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["job.not_found"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["job.not_found"];
            409: components["responses"]["job.key_busy-or-job.not_dead"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["operation.not_found"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["recovery.unknown_action"];
            409: components["responses"]["idempotency.in_progress"];
            422: components["responses"]["idempotency.different_request"];
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
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.bootstrap_refused-or-auth.https_required"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
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
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_credentials"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
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
            403: components["responses"]["auth.https_required"];
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
        requestBody: {
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
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_refresh_token"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
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
        requestBody: {
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
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["request.invalid-or-request.malformed"];
            401: components["responses"]["auth.invalid_refresh_token"];
            403: components["responses"]["auth.https_required"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
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
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["auth.weak_password-or-request.invalid-or-request.malformed"];
            403: components["responses"]["auth.https_required-or-auth.sign_up_by_invitation-or-auth.sign_up_closed"];
            409: components["responses"]["auth.email_taken"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["auth.busy-or-server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.result_not_serializable-or-browser.result_too_large-or-browser.script_failed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy-or-session.account_limit_reached"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.navigation_failed"];
            503: components["responses"]["browser.launch_failed-or-server.stopping-or-server.unavailable-or-session.limit_reached-or-session.paused"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.ambiguous-or-session.closed-or-session.none_open-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
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
            404: components["responses"]["operation.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["operation.too_many_followers-or-server.stopping-or-server.unavailable"];
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
                     *             "sessions.read",
                     *             "sessions.write",
                     *             "settings.read",
                     *             "settings.write",
                     *             "jobs.read",
                     *             "jobs.write",
                     *             "errors.read",
                     *             "recovery.run"
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
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
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
            403: components["responses"]["auth.forbidden"];
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
            403: components["responses"]["auth.forbidden"];
            409: components["responses"]["idempotency.in_progress"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["idempotency.different_request"];
            429: components["responses"]["session.account_limit_reached"];
            500: components["responses"]["server.error"];
            503: components["responses"]["browser.launch_failed-or-server.stopping-or-server.unavailable-or-session.limit_reached-or-session.paused"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["request.timeout"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.result_not_serializable-or-browser.result_too_large-or-browser.script_failed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.url_refused"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            502: components["responses"]["browser.navigation_failed"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
            504: components["responses"]["browser.timeout-or-request.timeout"];
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
            403: components["responses"]["auth.forbidden"];
            404: components["responses"]["session.not_found"];
            409: components["responses"]["browser.dialog_open-or-browser.page_closed-or-session.closed-or-session.not_ready"];
            410: components["responses"]["browser.crashed-or-browser.page_crashed"];
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            422: components["responses"]["browser.not_actionable-or-browser.selector_invalid-or-browser.selector_not_found"];
            429: components["responses"]["browser.busy"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
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
            413: components["responses"]["request.too_large"];
            415: components["responses"]["request.unsupported_media_type"];
            500: components["responses"]["server.error"];
            503: components["responses"]["server.stopping-or-server.unavailable"];
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
