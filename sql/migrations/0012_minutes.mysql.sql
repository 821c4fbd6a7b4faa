-- The requests and questions of the last three days by minute: what today is compared with is yesterday until the same
-- time. They are counted from the first process of this version on; `python -m app.cli rebuild` counts those from before.

CREATE TABLE IF NOT EXISTS `stats_minute` (
  `minute` DATETIME NOT NULL,
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as in stats_request',
  `bucket` BIGINT NOT NULL COMMENT 'as in stats_latency; -1: not timed',
  `requests` BIGINT NOT NULL,
  PRIMARY KEY (`minute`, `kind`, `bucket`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of the last three days, by minute';

CREATE TABLE IF NOT EXISTS `stats_minute_call` (
  `minute` DATETIME NOT NULL,
  `calls` BIGINT NOT NULL COMMENT 'questions to vendors',
  `cost` BIGINT NOT NULL COMMENT 'in units of the tenth decimal place',
  `unpriced_input_tokens` BIGINT NOT NULL COMMENT 'as in stats_call',
  `unpriced_output_tokens` BIGINT NOT NULL COMMENT 'as in stats_call',
  PRIMARY KEY (`minute`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the questions to models of the last three days, by minute';

ALTER TABLE `stats_state`
  ADD COLUMN `minutes_version` BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the version whose change counted minutes last',
  ADD COLUMN `minutes_since` DATETIME DEFAULT NULL COMMENT 'from when on minutes have all; NULL: from the beginning',
  ALGORITHM=INSTANT;
