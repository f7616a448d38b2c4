CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  hash TEXT NOT NULL,          -- SHA-256 of the whole secret: 256 random bits need no slow hash
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_us INTEGER,
  used_us INTEGER,
  revoked_us INTEGER
) STRICT;

CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  token_id TEXT NOT NULL REFERENCES tokens(id),
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT;

-- Every revision of every alert, incident, change report and change; the order of `seq` is the order of the event stream.
CREATE TABLE records (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,          -- alert, incident, report, change
  audience TEXT NOT NULL,      -- '' the triage desk, '*' every User but the owner, else that User
  owner TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  as_of_us INTEGER NOT NULL,
  written_us INTEGER NOT NULL,
  body BLOB NOT NULL,          -- canonical JSON
  UNIQUE (kind, audience, id, revision)
) STRICT;

-- The last revision of each, in the order in which they first appeared.
CREATE TABLE standing (
  kind TEXT NOT NULL,
  audience TEXT NOT NULL,
  id TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  owner TEXT NOT NULL,
  as_of_us INTEGER NOT NULL,
  status TEXT NOT NULL,
  topic TEXT NOT NULL,         -- an alert's kind, a report's verdict, a change's category
  user TEXT NOT NULL,
  severity TEXT NOT NULL,
  incident_id TEXT NOT NULL,
  PRIMARY KEY (kind, audience, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX standing_order ON standing (kind, audience, first_seq);
CREATE INDEX standing_open ON standing (kind, audience, status);
CREATE INDEX standing_incident ON standing (incident_id) WHERE incident_id <> '';

CREATE TABLE dead_letters (
  entry INTEGER NOT NULL,      -- position in the journal, and place among what that entry left: a replay writes no row twice
  ordinal INTEGER NOT NULL,
  source TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (entry, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (         -- what a post with an Idempotency-Key was answered
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  body BLOB NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  direction TEXT NOT NULL,
  message_class TEXT NOT NULL,
  service TEXT NOT NULL,
  region TEXT NOT NULL,
  queue TEXT NOT NULL,
  window_s INTEGER NOT NULL,
  UNIQUE (user, direction, message_class, service, region, queue, window_s)
) STRICT;
CREATE INDEX series_user ON series (user);

CREATE TABLE layouts (         -- which series stand in which place of a tick
  id INTEGER PRIMARY KEY,
  window_s INTEGER NOT NULL,
  queues INTEGER NOT NULL,
  series BLOB NOT NULL         -- little-endian int32 series ids
) STRICT;

CREATE TABLE ticks (           -- the last hours, one row a window of all series; packed into chunks by the hour
  window_s INTEGER NOT NULL,
  queues INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  layout INTEGER NOT NULL REFERENCES layouts(id),
  body BLOB NOT NULL,
  PRIMARY KEY (window_s, queues, at_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (          -- one row a series and hour (raw, minute) or day (quarter)
  series INTEGER NOT NULL REFERENCES series(id),
  level INTEGER NOT NULL,      -- seconds of one point: 0 raw, 60, 900
  start_us INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (series, level, start_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_age ON chunks (level, start_us);

CREATE TABLE packed_until (    -- the end of the last hour (or day) that was packed, for each level
  window_s INTEGER NOT NULL,
  queues INTEGER NOT NULL,
  level INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (window_s, queues, level)
) STRICT, WITHOUT ROWID;

-- What people do. Only ever added to; the present state of a subject is the sum of its actions.
CREATE TABLE actions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  subject_kind TEXT NOT NULL,  -- alert, incident
  subject TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL         -- JSON
) STRICT;
CREATE INDEX actions_subject ON actions (subject_kind, subject);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL         -- JSON; never a secret
) STRICT;

CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  holder TEXT NOT NULL,        -- '' the triage desk, else a User
  name TEXT NOT NULL,
  channel TEXT NOT NULL,       -- webhook, mail, chat
  target TEXT NOT NULL,
  secrets TEXT NOT NULL,       -- JSON: newest first, each with its end
  wishes TEXT NOT NULL,        -- JSON: what is wanted and when
  created_us INTEGER NOT NULL,
  paused_reason TEXT
) STRICT;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription TEXT NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
  reference TEXT NOT NULL,     -- what it tells of: a record is told once a subscription
  topic TEXT NOT NULL,
  body BLOB NOT NULL,
  urgent INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  due_us INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting',  -- waiting, delivered, dead
  UNIQUE (subscription, reference)
) STRICT;
CREATE INDEX outbox_due ON outbox (due_us) WHERE state = 'waiting';

CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription TEXT NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
  message INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  topic TEXT NOT NULL,
  outcome TEXT NOT NULL,       -- delivered, retry, dead
  status INTEGER,
  took_ms INTEGER NOT NULL,
  error TEXT
) STRICT;
CREATE INDEX deliveries_of ON deliveries (subscription, seq);

CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
