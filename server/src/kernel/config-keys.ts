import { z } from 'zod'
import { microsoftTenant, openIdProviders, webOrigin } from './config-providers.ts'
import {
  addressRanges,
  allowedAddresses,
  dnsServers,
  hostName,
  httpUrl,
  list,
  logLevel,
  origins,
  port,
  portRange,
  regional,
  regions,
  seconds,
  sender,
  smtpUrl,
  tags,
} from './config-values.ts'

/** One environment name: how it is read, and what the configuration reference says of it. */
interface Key<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly what: string
  /** As the reference shows the default; taken from the schema unless given. */
  readonly shown?: string
}

const key = <Schema extends z.ZodType>(
  schema: Schema,
  what: string,
  shown?: string,
): Key<Schema> => ({
  schema,
  what,
  ...(shown && { shown }),
})

export const IDLE = 'Checked at start; no part of this version uses it.'

/** A name that other parts of a deployment set already, so that a wrong value is found now. */
const idle = <Schema extends z.ZodType>(schema: Schema, what: string) =>
  key(schema.optional(), `${what} ${IDLE}`)

const ROLES = ['api', 'worker', 'relay', 'node'] as const
/** Roles that a process may have without the database. */
const isApart = (role: string) => role === 'node' || role === 'relay'

/** Every name that the product reads from the environment or `.env`. */
export const KEYS = {
  PORT: key(port.default(8700), 'Port of the API and the console. 0 takes any free one.'),
  HOST: key(
    z.string().min(1).default('127.0.0.1'),
    'Address to listen on. Beyond loopback, put TLS in front or set `TLS_CERT_FILE`.',
  ),
  PUBLIC_URL: key(
    httpUrl.optional(),
    'Address under which clients reach Gantry. Links and token issuers are built from it, never from a Host header.',
    '`http://HOST:PORT`',
  ),
  ROLES: key(
    list
      .pipe(z.array(z.enum(ROLES)).min(1))
      .default([...ROLES])
      .refine(
        (roles) => roles.includes('api') || roles.length === 1 || !roles.some(isApart),
        '`node` and `relay` run beside `api`, or alone',
      ),
    'What this process does: `api` serves, `worker` runs jobs and follows events, `relay` carries tunnels, `node` hosts browsers.',
    '`api,worker,relay,node`',
  ),
  GANTRY_HOME: key(
    z.string().min(1).optional(),
    'Directory of all data: database, keys, objects, browsers, logs.',
    '`.gantry` in the checkout; as root, when other users cannot enter the checkout, a directory below `/var/lib/gantry`',
  ),
  DATABASE_URL: key(
    z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }).optional(),
    'External PostgreSQL, 15 or newer, signed in as the owner of the database. `?sslmode=require` or `verify-full` for TLS.',
    'the embedded server',
  ),
  DATABASE_POOL_SIZE: key(
    z.coerce.number().int().min(2).max(500).default(10),
    'Connections that one process keeps at most.',
  ),
  OBJECT_STORE_URL: key(
    z.url({ protocol: /^(file|s3)$/, error: 'must be a file: or s3: URL' }).optional(),
    'Where files are kept: `file:///path`, or `s3://bucket/prefix?region=…&endpoint=…`.',
    'local disk, in `GANTRY_HOME`',
  ),
  AWS_ACCESS_KEY_ID: key(
    z.string().min(1).optional(),
    'For an S3 object store; otherwise the chain of the AWS SDK decides.',
  ),
  AWS_SECRET_ACCESS_KEY: key(z.string().min(1).optional(), 'Goes with `AWS_ACCESS_KEY_ID`.'),
  AWS_REGION: key(
    z.string().min(1).optional(),
    'Region of an S3 object store whose URL names none.',
  ),
  S3_BUCKET_NAME: key(z.string().min(1).optional(), 'Short for `OBJECT_STORE_URL=s3://name`.'),
  KMS_KEY_ID: key(
    z.string().min(1).max(2048).optional(),
    'AWS KMS key, by id, ARN or alias, that wraps the keys which seal secrets. Region and credentials are those of S3.',
    'none: keys are files in `GANTRY_HOME/keys`',
  ),
  KMS_SIGNING_KEY_ID: key(
    z.string().min(1).max(2048).optional(),
    'AWS KMS key to sign and verify, RSA (RS256) or ECC_NIST_P256 (ES256), that signs tokens; an alias may later lead to another.',
    'none: keys are made here (EdDSA)',
  ),
  KMS_ENDPOINT: key(httpUrl.optional(), 'Of a KMS emulator, or a private endpoint.'),
  TLS_CERT_FILE: key(
    z.string().min(1).optional(),
    'Certificate chain in PEM; the server then speaks HTTPS. A renewed one is taken without a restart.',
  ),
  TLS_KEY_FILE: key(z.string().min(1).optional(), 'Key of `TLS_CERT_FILE` in PEM.'),
  TLS_CERT_DIR: key(
    z.string().min(1).optional(),
    'Directory of further certificates, for visitors who ask for their names: `NAME/fullchain.pem` with `NAME/privkey.pem`, and `NAME.crt` with `NAME.key`. Goes with `TLS_CERT_FILE`.',
  ),
  TRUSTED_PROXIES: key(
    addressRanges,
    'Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
    'none',
  ),
  ADMIN_ALLOWLIST: key(
    addressRanges,
    'Addresses that staff may work from, beside those that `PUT /v1/admin/ip-allowlist` sets, and that are never blocked. With neither, staff may come from anywhere.',
    'none',
  ),
  TUNNEL_DOMAIN: key(
    hostName.default('localhost'),
    'Domain below which tunnels get their hostnames: `shop` is at `shop.localhost`. Point `*.` of it at the relays, and share no cookies with it: take another registrable domain than that of `PUBLIC_URL`.',
  ),
  TUNNEL_PORTS: key(
    portRange.prefault('20000-20999'),
    'Ports on which relays serve TCP tunnels, the first and the last.',
    '`20000-20999`',
  ),
  DNS_SERVERS: key(
    dnsServers,
    'DNS servers that are asked for the proofs of customers’ domains: `192.0.2.53` or `192.0.2.53:5353`, and `[2001:db8::53]:53`.',
    'those of the system',
  ),
  RELAY_PORT: key(
    port.default(8720),
    'Port on which a relay that runs alone serves visitors and agents; with TLS when `TLS_CERT_FILE` is set. Beside `api` they come to `PORT`.',
  ),
  RELAY_INTERNAL_PORT: key(
    port.default(8721),
    'Port on which a relay serves other relays and its API, with TLS and a certificate of its own. Beside `api` it is opened once there is another relay.',
  ),
  RELAY_URL: key(
    httpUrl.optional(),
    'Address under which agents reach this relay, and visitors the tunnels: its scheme and port are those of every tunnel.',
    '`PUBLIC_URL`, or the address that it listens on',
  ),
  CORS_ORIGINS: key(
    origins.default([]),
    'Web origins whose pages may call the API. `CORS_ORIGIN` and `FRONTEND_URL` are added to it.',
    'none',
  ),
  CORS_ORIGIN: key(origins.default([]), 'Added to `CORS_ORIGINS`.', 'none'),
  FRONTEND_URL: key(httpUrl.optional(), 'Its origin is added to `CORS_ORIGINS`.'),
  SIGN_UP: key(
    z.enum(['open', 'invite', 'closed']).default('open'),
    'Who may register: anyone, only the invited, nobody.',
  ),
  AUTH_ATTEMPTS: key(
    z.coerce.number().int().min(5).max(1_000_000).default(5),
    'How often one address, and one person, may try to register, to sign in, to set a password and so on in 15 minutes. It can be raised, for development and tests.',
  ),
  UNAUTHENTICATED_REQUESTS: key(
    z.coerce.number().int().min(100).max(10_000_000).default(100),
    'How often one address may call the API without a credential in 15 minutes. It can be raised, for development and tests.',
  ),
  MISSED_REQUESTS: key(
    z.coerce.number().int().min(10).max(1_000_000).default(1_000),
    'How many different things that are not there one person may ask for by their ids in 15 minutes, and all of their keys together. At a fifth of it an alert is raised.',
  ),
  VERIFIED_EMAIL: key(
    z.enum(['auto', 'required', 'optional']).default('auto'),
    'Whether a proven e-mail address is needed to make API keys and to invite. `auto`: not while only this machine can reach the server and neither `PUBLIC_URL` nor `TRUSTED_PROXIES` is set.',
  ),
  REFRESH_TOKEN_EXPIRY: key(
    z
      .string()
      .regex(/^\d{1,3}d$/, 'must be days such as 14d')
      .default('14d'),
    'A sign-in that is not used for this long ends; 30 days after it began it ends in any case.',
  ),
  OAUTH_GOOGLE_CLIENT_ID: key(
    z.string().min(1).max(255).optional(),
    'Client of Google for “Continue with Google”. Sign-in by providers is described in `docs/sign-in-with-providers.md`.',
  ),
  OAUTH_GOOGLE_CLIENT_SECRET: key(
    z.string().min(1).max(1024).optional(),
    'Goes with `OAUTH_GOOGLE_CLIENT_ID`.',
  ),
  OAUTH_MICROSOFT_CLIENT_ID: key(
    z.string().min(1).max(255).optional(),
    'Application (client) id at Microsoft Entra for “Continue with Microsoft”.',
  ),
  OAUTH_MICROSOFT_CLIENT_SECRET: key(
    z.string().min(1).max(1024).optional(),
    'Goes with `OAUTH_MICROSOFT_CLIENT_ID`.',
  ),
  OAUTH_MICROSOFT_TENANT: key(
    microsoftTenant.default('common'),
    'Who may come from Microsoft: the id of a directory, `organizations` (any of them), `consumers` (personal), or `common` (all).',
  ),
  OAUTH_GITHUB_CLIENT_ID: key(
    z.string().min(1).max(255).optional(),
    'OAuth app of GitHub for “Continue with GitHub”.',
  ),
  OAUTH_GITHUB_CLIENT_SECRET: key(
    z.string().min(1).max(1024).optional(),
    'Goes with `OAUTH_GITHUB_CLIENT_ID`.',
  ),
  OAUTH_GITHUB_URL: key(
    webOrigin.default('https://github.com'),
    'Origin of a GitHub Enterprise Server instead. Its host may have a private address.',
  ),
  OAUTH_PROVIDERS: key(
    openIdProviders.default([]),
    'Any other OpenID providers, as JSON: `[{"id":"acme","name":"Acme","issuer":"https://login.acme.example","clientId":"…","clientSecret":"…"}]`; `scopes` may be given too. The host of an issuer may have a private address.',
    'none',
  ),
  CHROMIUM_PATH: key(
    z.string().min(1).optional(),
    'The browser to run.',
    'a system Chrome or Chromium, else the one carried by npm',
  ),
  CHROMIUM_SANDBOX: key(
    z.enum(['on', 'off', 'auto']).default('auto'),
    '`auto` goes on without Chromium’s sandbox only where the kernel refuses it and the server is bound to loopback.',
  ),
  WARM_BROWSERS: key(
    z.coerce.number().int().min(0).max(100).default(2),
    'Browsers that are kept ready to be claimed. Each takes about 200 MiB.',
  ),
  MAX_SESSIONS: key(
    z.coerce.number().int().min(1).max(10_000).default(20),
    'Browsers that this machine runs at once.',
  ),
  SESSION_MEMORY_MB: key(
    z.coerce.number().int().min(256).max(1_048_576).default(2048),
    'Memory in MiB that the browser of one session may take; one that takes more is ended, and its session with the reason `memory`.',
  ),
  SESSION_DISK_MB: key(
    z.coerce.number().int().min(32).max(1_048_576).default(2048),
    'Disk in MiB that one session may take, downloads and uploads among it; one that takes more ends with the reason `disk`.',
  ),
  EC2_REGION: key(
    z.string().min(1).optional(),
    'Region of the machines that the fleet launches.',
    '`AWS_REGION`',
  ),
  EC2_REGIONS: key(
    regions.default([]),
    'Several regions instead, the usual one first. What exists in one region only is then written `region=value`, in the four names below.',
    '`EC2_REGION`',
  ),
  EC2_ENDPOINT: key(httpUrl.optional(), 'Of an EC2 emulator, or a private endpoint.'),
  EC2_AMI: key(
    regional(/^ami-[0-9a-z]+$/, 'must be `ami-…`, or `region=ami-…` for each region'),
    'Image of the machines that the fleet launches; without it and `EC2_LAUNCH_TEMPLATE` it launches none.',
    'none',
  ),
  EC2_LAUNCH_TEMPLATE: key(
    regional(/^[\w()./-]+(:[\w$]+)?$/, 'must be an id or a name, `:version` may follow'),
    'Launch template, by id or name, with `:version` behind it if wanted. A name may hold in every region.',
    'none',
  ),
  EC2_INSTANCE_TYPES: key(list.default([]), 'Instance types in the order of preference.', 'none'),
  EC2_SUBNETS: key(
    regional(/^subnet-\w+$/, 'must be `subnet-…`'),
    'Subnets in the order of preference.',
    'EC2’s choice',
  ),
  EC2_SECURITY_GROUPS: key(
    regional(/^sg-\w+$/, 'must be `sg-…`'),
    'Security groups of the machines.',
    'none',
  ),
  EC2_TAGS: key(tags, 'Tags of every machine: `team=search,cost center=web`; 10 at most.', 'none'),
  EC2_INSTANCE_PROFILE: key(
    z.string().min(1).optional(),
    'Instance profile of the machines, by name or ARN.',
  ),
  KUBERNETES_NAMESPACE: key(
    z.string().min(1).default('default'),
    'Where the Deployment of nodes is.',
  ),
  KUBERNETES_DEPLOYMENT: key(
    z.string().min(1).optional(),
    'Deployment whose pods are nodes; it carries the label `gantry.dev/pool=true`.',
  ),
  LOCAL_NODES: key(
    z.enum(['on', 'off']).default('on'),
    'Whether the fleet may start more node processes on this machine.',
  ),
  CONTROL_PLANE_URL: key(
    httpUrl.optional(),
    'Of a process with the role `node` or `relay` alone: the API that it works for.',
  ),
  JOIN_TOKEN: key(
    z.string().min(16).optional(),
    'With which a node or a relay joins for the first time; made by `POST /v1/fleet/join-tokens`.',
  ),
  POD_NAME: key(
    z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'must be the name of a pod')
      .optional(),
    'Of a node in a pod of the fleet’s Deployment: the name of the pod.',
  ),
  INSTANCE_ID: key(
    z.string().startsWith('ins_').optional(),
    'Of a node on a machine that Gantry has launched: the machine.',
  ),
  NODE_PORT: key(port.default(8701), 'Where a node listens for its API, with TLS.'),
  ADVERTISE_URL: key(
    httpUrl.optional(),
    'Where its API reaches a node, or a relay that runs alone.',
    '`https://HOST:NODE_PORT` (or `RELAY_INTERNAL_PORT`), by the machine’s name where `HOST` is every address',
  ),
  SPOT_NOTICES: key(
    z.stringbool().default(false),
    'Whether a node asks EC2 if its spot machine is to be taken back, and then drains.',
  ),
  EGRESS_ALLOW: key(
    allowedAddresses,
    'Private addresses that browsers and outgoing calls may reach all the same: `10.0.0.0/8`, `127.0.0.1:3000`, `intranet.example`.',
    'none',
  ),
  METRICS_ALLOW: key(addressRanges, 'Addresses that may read `/metrics`, beside loopback.', 'none'),
  METRICS_TOKEN: key(
    z.string().min(16).optional(),
    'Whoever sends it as a bearer token may read `/metrics`.',
  ),
  REQUEST_TIMEOUT_SECONDS: key(
    seconds(1, 600).default(30),
    'Longest time for an answer. Streams and browser commands have their own.',
  ),
  SHUTDOWN_SECONDS: key(
    seconds(1, 600).default(30),
    'Time for what is in flight when the process is asked to stop.',
  ),
  LOG_LEVEL: key(
    logLevel.prefault('info'),
    'Lowest level that is logged, and per category: `info,http:warn,jobs:debug`.',
    '`info`',
  ),
  LOG_FORMAT: key(
    z.enum(['auto', 'json', 'pretty']).default('auto'),
    'Console lines: `pretty` for people, `json` for collectors; `auto` looks whether a terminal is there.',
  ),
  LOG_FILES: key(
    z.enum(['on', 'off']).default('on'),
    '`combined.log` and `error.log` in `GANTRY_HOME/logs`, rotated at 20 MB.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: key(
    httpUrl.optional(),
    'OpenTelemetry collector (OTLP over HTTP). Tracing is off without it.',
    'off',
  ),
  OTEL_TRACES_SAMPLER_ARG: key(
    z.coerce.number().min(0).max(1).default(0.1),
    'Share of requests that are traced.',
  ),
  SMTP_URL: key(
    smtpUrl.optional(),
    'Mail server: `smtp://user:password@mail.example:587`, or `smtps://`. Beyond this machine it must offer TLS.',
  ),
  SENDGRID_API_KEY: key(z.string().min(1).optional(), 'Send mail over SendGrid instead.'),
  SENDGRID_URL: key(
    httpUrl.default('https://api.sendgrid.com'),
    'Where SendGrid answers; `https://api.eu.sendgrid.com` in the EU.',
  ),
  EMAIL_FROM: key(
    sender.optional(),
    'Sender of mail: `no-reply@example.com`, or `Example <no-reply@example.com>`.',
    '`Gantry <no-reply@HOST>`, of `PUBLIC_URL`',
  ),
  NODE_ENV: key(
    z.string().default('production'),
    'Shown in health. With `development` mails can be read in the console; on loopback by whoever is on this machine.',
  ),
  API_VERSION: key(z.enum(['v1']).default('v1'), 'Version of the API; there is one.'),
  REDIS_URL: idle(
    z.url({ protocol: /^(redis|valkey)s?$/, error: 'must be a redis:// URL' }),
    'Valkey or Redis.',
  ),
  SENTRY_DSN: idle(httpUrl, 'Where errors are reported to.'),
  STRIPE_SECRET: idle(z.string().min(1), 'Key of a payment provider.'),
  STRIPE_WEBHOOK_SECRET: idle(z.string().min(1), 'Signing secret of a payment provider.'),
} as const
