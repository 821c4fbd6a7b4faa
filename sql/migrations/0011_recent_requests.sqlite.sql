-- The requests of the last hour by five seconds, for the live feed. They are there from the first process of this version
-- on, which adds them with the other sums.

CREATE TABLE IF NOT EXISTS stats_recent (
  moment TEXT NOT NULL,
  kind TEXT NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (moment, kind)
) WITHOUT ROWID;
