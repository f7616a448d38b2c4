-- A change is known by its owner and change_id together: ids of changes and of their reports become owner/change_id.
CREATE TEMP TABLE owners AS SELECT id, owner FROM standing WHERE kind = 'change' AND audience = '';
CREATE INDEX temp.owners_by_id ON owners (id);
UPDATE records SET
  body = CAST(json_insert(CAST(body AS TEXT), '$.owner', (SELECT owner FROM owners WHERE owners.id = records.id)) AS BLOB),
  id = (SELECT owner FROM owners WHERE owners.id = records.id) || '/' || id
  WHERE kind = 'report' AND id IN (SELECT id FROM owners);
UPDATE standing SET id = (SELECT owner FROM owners WHERE owners.id = standing.id) || '/' || id
  WHERE kind = 'report' AND id IN (SELECT id FROM owners);
UPDATE OR IGNORE facts SET name = 'published:' || (SELECT owner FROM owners WHERE 'published:' || owners.id = facts.name) || '/' || substr(name, 11)
  WHERE name LIKE 'published:%' AND substr(name, 11) IN (SELECT id FROM owners);
UPDATE records SET id = owner || '/' || id WHERE kind = 'change';
UPDATE standing SET id = owner || '/' || id WHERE kind = 'change';
CREATE INDEX standing_by_id ON standing (kind, id);
DROP TABLE owners;
