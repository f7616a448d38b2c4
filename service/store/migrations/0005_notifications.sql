-- Messages about one alert are a sequence for each subscription; messages to people gather in one thread an incident.
ALTER TABLE outbox ADD COLUMN subject TEXT NOT NULL DEFAULT '';  -- alert:<id> or incident:<id>; empty: a message of its own
ALTER TABLE outbox ADD COLUMN thread TEXT NOT NULL DEFAULT '';   -- to people: what of one thread waits leaves together
ALTER TABLE outbox ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_waiting ON outbox (subscription, due_us) WHERE state = 'waiting';
CREATE INDEX outbox_subject ON outbox (subscription, subject) WHERE subject <> '';
DROP INDEX outbox_due;

CREATE TABLE told (              -- what a subscription was told of one alert or incident
  subscription TEXT NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
  subject TEXT NOT NULL,
  thread TEXT NOT NULL,
  revision INTEGER NOT NULL,     -- the last one considered
  sequence INTEGER NOT NULL,     -- number of the last message
  is_open INTEGER NOT NULL,      -- its beginning was told and its end was not
  severity TEXT NOT NULL,        -- of the last message
  at_us INTEGER NOT NULL,
  PRIMARY KEY (subscription, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO told
  SELECT outbox.subscription, records.kind || ':' || records.id, '', max(records.revision), 1, outbox.topic NOT LIKE '%.resolved', '',
    outbox.created_us
  FROM outbox JOIN records ON outbox.reference = 'record:' || records.seq
  WHERE records.kind IN ('alert', 'incident') GROUP BY outbox.subscription, records.kind, records.id;

CREATE TABLE threads (           -- messages that a thread has had, so that the next ones come less often
  subscription TEXT NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
  thread TEXT NOT NULL,
  messages INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (subscription, thread)
) STRICT, WITHOUT ROWID;

-- A target that fails is left alone for a while, whatever waits for it.
ALTER TABLE subscriptions ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN not_before_us INTEGER NOT NULL DEFAULT 0;

CREATE TABLE mail_addresses (    -- nothing but the request to confirm is sent to an address before its owner opened the link
  holder TEXT NOT NULL,
  address TEXT NOT NULL,
  hash TEXT NOT NULL,            -- SHA-256 of the secret in the link
  asked_us INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  confirmed_us INTEGER,
  PRIMARY KEY (holder, address)
) STRICT, WITHOUT ROWID;
INSERT INTO mail_addresses
  SELECT holder, target, '', min(created_us), 0, min(created_us) FROM subscriptions WHERE channel = 'mail' GROUP BY holder, target;
