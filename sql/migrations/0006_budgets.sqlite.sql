-- Money that is spent in a day or a month, what of it is set aside for questions that are under way, and whose they are.

CREATE TABLE IF NOT EXISTS budget (
  period TEXT PRIMARY KEY,
  spent INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS budget_reservation (
  id TEXT PRIMARY KEY,
  day TEXT NOT NULL,
  amount INTEGER NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_reservation_expires_at ON budget_reservation (expires_at);

CREATE TABLE IF NOT EXISTS client_calls (
  day TEXT NOT NULL,
  client TEXT NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (day, client)
);
