-- The key of an entry in quarantine: whether the changes in it are a User's claims.
ALTER TABLE quarantine ADD COLUMN key TEXT NOT NULL DEFAULT '';
