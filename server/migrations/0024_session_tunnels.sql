-- Tunnels that a session’s browser reaches as http://<name>.tunnel/.

alter table browser_sessions
  -- `[{id, name}]`, as they were called when the session was made; null when it was given none.
  add column tunnels jsonb;
