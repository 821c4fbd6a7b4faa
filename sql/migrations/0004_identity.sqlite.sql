-- Several names for one answer: what else a photo is called, what it looks like, and by which name it was found.

ALTER TABLE image_classification_cache ADD COLUMN image_size INTEGER DEFAULT NULL;
ALTER TABLE request_log ADD COLUMN matched_by TEXT DEFAULT NULL;
ALTER TABLE request_log ADD COLUMN saved_bytes INTEGER DEFAULT NULL;

CREATE TABLE IF NOT EXISTS image_alias (
  name TEXT PRIMARY KEY,
  image_hash TEXT NOT NULL,
  matched_by TEXT NOT NULL,
  distance INTEGER DEFAULT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_alias_image_hash ON image_alias (image_hash);

-- pdq: hex. What SQLite needs to read hex as bytes is newer than the oldest that Python comes with.
CREATE TABLE IF NOT EXISTS image_fingerprint (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_hash TEXT NOT NULL UNIQUE,
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS fingerprint_slot (
  slot INTEGER NOT NULL,
  value INTEGER NOT NULL,
  fingerprint_id INTEGER NOT NULL,
  PRIMARY KEY (slot, value, fingerprint_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS near_trial (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL,
  image_hash TEXT NOT NULL,
  neighbour_hash TEXT NOT NULL,
  distance INTEGER NOT NULL,
  near_category TEXT NOT NULL,
  model_category TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_trial_created_at ON near_trial (created_at);
