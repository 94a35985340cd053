import { PORT } from './socket-directory.ts'
import { clusterName } from './server-process.ts'

const SETTINGS = {
  max_connections: '200',
  shared_buffers: '64MB',
  idle_in_transaction_session_timeout: '30s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Those who ask are told of their errors; the log is for the server's own troubles, and holds no statement with its values.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
} as const

// For databases that are thrown away: a power cut may destroy them. A kill may not, so commits stay synchronous.
const TEST_SETTINGS = { fsync: 'off', full_page_writes: 'off' } as const

/** The server's command line. It holds no secret, since every user can read it. */
export function serverArguments(data: string, socketDirectory: string, durable: boolean): string[] {
  const settings = {
    listen_addresses: '',
    port: String(PORT),
    // A list, in which only quotes keep a comma.
    unix_socket_directories: `"${socketDirectory.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    cluster_name: clusterName(data),
    ...SETTINGS,
    ...(durable ? {} : TEST_SETTINGS),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', data, ...flags]
}
