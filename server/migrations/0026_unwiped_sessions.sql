-- Sessions that have ended, and of which nobody has counted yet what is left of them on their machine.

create index browser_sessions_unwiped on browser_sessions (instance_id, ended_at)
  where ended_at is not null and wipe is null;
