-- Leases for anything that one process at a time does, and a row for each question to a model.

CREATE TABLE IF NOT EXISTS lease (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  expires_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS model_call (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT DEFAULT NULL,
  image_hash TEXT NOT NULL,
  provider TEXT DEFAULT NULL,
  model TEXT DEFAULT NULL,
  prompt_version TEXT DEFAULT NULL,
  outcome TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  lane TEXT NOT NULL DEFAULT 'standard',
  cost REAL DEFAULT NULL,
  duration_ms INTEGER DEFAULT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_call_image_hash ON model_call (image_hash);
CREATE INDEX IF NOT EXISTS idx_call_created_at ON model_call (created_at);
