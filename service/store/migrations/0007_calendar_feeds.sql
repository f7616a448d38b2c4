-- A calendar feed has a key of its own, one a token; what a public summary does not show becomes null.
CREATE TABLE calendar_feeds (
  token_id TEXT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
UPDATE records SET body = CAST(json_set(CAST(body AS TEXT),
    '$.description', NULL, '$.declared_at', NULL, '$.updated_at', NULL, '$.users', NULL, '$.directions', NULL, '$.queues', NULL,
    '$.systems', NULL, '$.disruption', NULL, '$.return_to_normal_risk', NULL, '$.expected', NULL, '$.impact_assessment', NULL,
    '$.consultation', NULL, '$.testing_opportunity', NULL, '$.security_assessment', NULL, '$.contact', NULL) AS BLOB)
  WHERE kind = 'change' AND audience = '*' AND json_extract(CAST(body AS TEXT), '$.source') <> 'dcc';
