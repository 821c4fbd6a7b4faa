-- The database of the image classifier, for MySQL 8.0.19 or newer: the whole schema, for a new database.
--   mysql -u root -p < sql/init.sql
-- An older database is brought up to date by `python -m app.cli migrate`. Safe to run again: it creates what is missing.
-- All times are UTC, set by the application. What each table, column and index is for: sql/README.md.

CREATE DATABASE IF NOT EXISTS `image_classifier`
  DEFAULT CHARACTER SET utf8mb4
  DEFAULT COLLATE utf8mb4_unicode_ci;

USE `image_classifier`;

-- A database that has tables already gets no version from here: only the migrations move what is in them.
SET @is_new = (
  SELECT COUNT(*) = 0 FROM information_schema.tables
  WHERE table_schema = DATABASE() AND table_name = 'image_classification_cache'
);

CREATE TABLE IF NOT EXISTS `image_classification_cache` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256, lower-case hex',
  `category` VARCHAR(50) NOT NULL COMMENT 'one of the eight keys',
  `confidence` DECIMAL(5,4) NOT NULL COMMENT '0 to 1',
  `description` TEXT DEFAULT NULL COMMENT 'what the model says is in the picture',
  `model_used` VARCHAR(100) NOT NULL COMMENT 'name of the model that answered',
  `model_response` JSON DEFAULT NULL COMMENT 'the validated answer, for debugging',
  `prompt_version` VARCHAR(16) NOT NULL COMMENT 'version of the prompt that was asked',
  `input_tokens` INT UNSIGNED DEFAULT NULL COMMENT 'as the vendor counted',
  `output_tokens` INT UNSIGNED DEFAULT NULL COMMENT 'as the vendor counted',
  `cached_tokens` INT UNSIGNED DEFAULT NULL COMMENT 'the part of input_tokens that the vendor had cached',
  `hit_count` INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'answers given: the first and every hit',
  `created_at` DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'first classified',
  `last_hit_at` DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'last answered from here',
  `image_size` INT UNSIGNED DEFAULT NULL COMMENT 'bytes of the file that was paid for; NULL: from before',
  `hit_scale` TINYINT UNSIGNED GENERATED ALWAYS AS (
    (`hit_count` >= 4) + (`hit_count` >= 16) + (`hit_count` >= 64) + (`hit_count` >= 256) + (`hit_count` >= 1024)
    + (`hit_count` >= 4096) + (`hit_count` >= 16384) + (`hit_count` >= 65536) + (`hit_count` >= 262144) + (`hit_count` >= 1048576)
    + (`hit_count` >= 4194304) + (`hit_count` >= 16777216) + (`hit_count` >= 67108864) + (`hit_count` >= 268435456) + (`hit_count` >= 1073741824)
  ) VIRTUAL COMMENT 'how many powers of four hit_count has reached: so the largest are found',
  PRIMARY KEY (`id`),
  UNIQUE KEY `uk_image_hash` (`image_hash`),
  KEY `idx_created_at` (`created_at`),
  KEY `idx_category` (`category`),
  KEY `idx_hit_scale` (`hit_scale`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each image that a model has classified';

CREATE TABLE IF NOT EXISTS `request_log` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the X-Request-ID of the answer',
  `user_id` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT NULL COMMENT 'user or device, if told',
  `ip_address` VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'IPv4 or IPv6',
  `image_hash` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the name that was asked for: SHA-256, or c1: and a SHA-256',
  `image_size` INT UNSIGNED DEFAULT NULL COMMENT 'bytes; NULL when only the hash was sent',
  `category` VARCHAR(50) NOT NULL COMMENT 'as answered',
  `confidence` DECIMAL(5,4) NOT NULL COMMENT 'as answered',
  `from_cache` TINYINT(1) NOT NULL DEFAULT 0 COMMENT '1: no model was asked',
  `processing_time_ms` INT UNSIGNED DEFAULT NULL COMMENT 'from the whole request read to the answer known',
  `created_at` DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `created_date` DATE GENERATED ALWAYS AS (DATE(`created_at`)) STORED COMMENT 'UTC date',
  `matched_by` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'by which name the answer was found; NULL: a model was asked, or not on record',
  `saved_bytes` INT UNSIGNED DEFAULT NULL COMMENT 'bytes that were not uploaded',
  PRIMARY KEY (`id`),
  UNIQUE KEY `uk_request_id` (`request_id`),
  KEY `idx_user_created` (`user_id`, `created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each answered request';

CREATE TABLE IF NOT EXISTS `classification_refusal` (
  `image_hash` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a name of an image that a model would not classify',
  `expires_at` DATETIME NOT NULL COMMENT 'when a model may be asked about it again',
  `refused_at` DATETIME NOT NULL COMMENT 'last refused',
  `input_tokens` BIGINT UNSIGNED NOT NULL COMMENT 'paid for all refusals of it',
  `output_tokens` BIGINT UNSIGNED NOT NULL COMMENT 'paid for all refusals of it',
  `cached_tokens` BIGINT UNSIGNED NOT NULL COMMENT 'the part of input_tokens that the vendor had cached',
  PRIMARY KEY (`image_hash`),
  KEY `idx_refused_at` (`refused_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each image that a model has refused';

CREATE TABLE IF NOT EXISTS `classification_lease` (
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the image being asked about',
  `owner` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who asks the model',
  `expires_at` DATETIME(3) NOT NULL COMMENT 'when another may ask',
  PRIMARY KEY (`image_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='who is asking a model about which image right now';

CREATE TABLE IF NOT EXISTS `ledger_writer` (
  `writer` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who writes batches, one after the other',
  `last_batch` BIGINT UNSIGNED NOT NULL COMMENT 'number of the last batch that is in the tables',
  PRIMARY KEY (`writer`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what has been written, so that nothing is written twice';

CREATE TABLE IF NOT EXISTS `signature_nonce` (
  `key_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose signature',
  `nonce` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what tells it from all others',
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the request that used it',
  `expires_at` DATETIME NOT NULL COMMENT 'when it is refused for its age',
  PRIMARY KEY (`key_id`, `nonce`),
  KEY `idx_expires_at` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='signatures that have been used, so that none is used twice';

CREATE TABLE IF NOT EXISTS `schema_version` (
  `number` INT UNSIGNED NOT NULL COMMENT 'of the migration',
  `name` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what it is for',
  `applied_at` DATETIME NOT NULL COMMENT 'when it was done',
  PRIMARY KEY (`number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the migrations that this database has';

CREATE TABLE IF NOT EXISTS `lease` (
  `name` VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what is held, as photo:<hash>',
  `owner` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who holds it',
  `expires_at` DATETIME(3) NOT NULL COMMENT 'when another may have it',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what one process at a time does, and which does it now';

CREATE TABLE IF NOT EXISTS `model_call` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'the request that asked; NULL: not on record',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256, lower-case hex',
  `provider` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'LLM_PROVIDER; NULL: not on record',
  `model` VARCHAR(100) DEFAULT NULL COMMENT 'name of the model that was asked; NULL: not on record',
  `prompt_version` VARCHAR(16) DEFAULT NULL COMMENT 'version of the prompt; NULL: not on record',
  `outcome` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'answered, refused, or what failed',
  `input_tokens` INT UNSIGNED NOT NULL COMMENT 'as the vendor counted; 0: not told',
  `output_tokens` INT UNSIGNED NOT NULL COMMENT 'as the vendor counted; 0: not told',
  `cached_tokens` INT UNSIGNED NOT NULL COMMENT 'the part of input_tokens that the vendor had cached',
  `lane` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'standard' COMMENT 'which of the prices of the vendor',
  `cost` DECIMAL(20,10) DEFAULT NULL COMMENT 'at the prices of that moment; NULL: not on record',
  `duration_ms` INT UNSIGNED DEFAULT NULL COMMENT 'from the question sent to what became of it; NULL: not on record',
  `created_at` DATETIME NOT NULL COMMENT 'when it was asked',
  PRIMARY KEY (`id`),
  KEY `idx_image_hash` (`image_hash`),
  KEY `idx_created_at` (`created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each question to a model, whatever became of it';

CREATE TABLE IF NOT EXISTS `image_alias` (
  `name` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'another name of the answer: SHA-256, or c1: or q1: and a SHA-256',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the photo that was paid for',
  `matched_by` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what kind of name it is: bytes, content, question, near',
  `distance` TINYINT UNSIGNED DEFAULT NULL COMMENT 'near: bits in which the fingerprints differ',
  `created_at` DATETIME NOT NULL,
  PRIMARY KEY (`name`),
  KEY `idx_image_hash` (`image_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each other name of a cached answer';

CREATE TABLE IF NOT EXISTS `image_fingerprint` (
  `id` INT UNSIGNED NOT NULL AUTO_INCREMENT,
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the photo that was paid for',
  `pdq` BINARY(32) NOT NULL COMMENT 'what it looks like: 256 bits',
  `quality` TINYINT UNSIGNED NOT NULL COMMENT 'of the pdq, 0 to 100; from 50 on it has slots',
  `width` INT UNSIGNED NOT NULL COMMENT 'of the original, in pixels',
  `height` INT UNSIGNED NOT NULL COMMENT 'of the original, in pixels',
  `created_at` DATETIME NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uk_image_hash` (`image_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what the photos look like that were paid for';

CREATE TABLE IF NOT EXISTS `fingerprint_slot` (
  `slot` TINYINT UNSIGNED NOT NULL COMMENT 'which 16 bits of the pdq, 0 to 15',
  `value` SMALLINT UNSIGNED NOT NULL COMMENT 'what they are',
  `fingerprint_id` INT UNSIGNED NOT NULL COMMENT 'whose they are',
  PRIMARY KEY (`slot`, `value`, `fingerprint_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the index by which near fingerprints are found: two with at most 15 bits apart share a slot';

CREATE TABLE IF NOT EXISTS `near_trial` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the request that asked a model all the same',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the photo that was asked about',
  `neighbour_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the photo near it that was paid for before',
  `distance` TINYINT UNSIGNED NOT NULL COMMENT 'bits in which the fingerprints differ',
  `near_category` VARCHAR(50) NOT NULL COMMENT 'what would have been served',
  `model_category` VARCHAR(50) NOT NULL COMMENT 'what the model said',
  `created_at` DATETIME NOT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_created_at` (`created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='near matches that a model was asked about all the same';

CREATE TABLE IF NOT EXISTS `budget` (
  `period` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a day, 2026-11-29, or a month, 2026-11, of STATS_TIMEZONE',
  `spent` BIGINT NOT NULL COMMENT 'in ten-billionths of the currency, with what is set aside',
  `told` TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last per cent that the log told of: 80, 100',
  PRIMARY KEY (`period`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what questions to models cost, by day and by month';

CREATE TABLE IF NOT EXISTS `budget_reservation` (
  `id` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of one question to a model',
  `day` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the day, and with it the month, that pays',
  `amount` BIGINT NOT NULL COMMENT 'what is set aside, in ten-billionths of the currency',
  `expires_at` DATETIME(3) NOT NULL COMMENT 'when it counts as spent: its process has died',
  PRIMARY KEY (`id`),
  KEY `idx_expires_at` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='money that is set aside for questions that are under way';

CREATE TABLE IF NOT EXISTS `change_counter` (
  `topic` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what changes: answers, votes',
  `number` BIGINT UNSIGNED NOT NULL COMMENT 'of the last change; whoever makes one holds this row until it is there',
  PRIMARY KEY (`topic`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what every process looks at once a second, to see whether anything has changed';

CREATE TABLE IF NOT EXISTS `cache_change` (
  `number` BIGINT UNSIGNED NOT NULL COMMENT 'by the counter of answers',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose answer has changed; *: many',
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'corrected, deleted, purged',
  `changed_at` DATETIME NOT NULL,
  PRIMARY KEY (`number`),
  KEY `idx_image_hash` (`image_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='answers that operators have changed, for what remembers them and for late records';

CREATE TABLE IF NOT EXISTS `audit` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the request that made the change',
  `key_name` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'name of the key that was shown; NULL: it has none',
  `ip_address` VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'where the request came from',
  `action` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'correct, delete, purge',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'whose answer; NULL: many',
  `reason` VARCHAR(500) NOT NULL COMMENT 'in the words of whoever made it',
  `value_before` JSON DEFAULT NULL COMMENT 'the answer as it was',
  `value_after` JSON DEFAULT NULL COMMENT 'the answer as it is, or what was purged',
  `created_at` DATETIME NOT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_request_id` (`request_id`),
  KEY `idx_image_hash` (`image_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each change that an operator has made';

CREATE TABLE IF NOT EXISTS `erased_user` (
  `user_digest` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the id of a user or device',
  `erased_at` DATETIME NOT NULL COMMENT 'records from before that come late are written without the user',
  PRIMARY KEY (`user_digest`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='users who have had themselves erased, for records that wait in spools';

CREATE TABLE IF NOT EXISTS `stats_outbox` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `sign` TINYINT NOT NULL DEFAULT 1 COMMENT '1: rows came, -1: rows went',
  `records` LONGTEXT NOT NULL COMMENT 'JSON: what counts of the rows of request_log',
  `calls` LONGTEXT NOT NULL COMMENT 'JSON: what counts of the rows of model_call',
  `images` BIGINT NOT NULL DEFAULT 0 COMMENT 'rows of image_classification_cache that came',
  `cache_hits` BIGINT NOT NULL DEFAULT 0 COMMENT 'what was added to the sum of their hit_count',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what transactions changed, until it is in the sums';

CREATE TABLE IF NOT EXISTS `stats_state` (
  `id` TINYINT UNSIGNED NOT NULL COMMENT '1: there is one row',
  `version` BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often the sums have changed',
  `timezone` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'where days begin at midnight; empty: nothing is in the sums yet',
  `built_at` DATETIME DEFAULT NULL COMMENT 'since when the sums are complete; NULL: they are not',
  `images` BIGINT NOT NULL DEFAULT 0 COMMENT 'rows of image_classification_cache',
  `cache_hits` BIGINT NOT NULL DEFAULT 0 COMMENT 'sum of their hit_count',
  `minutes_version` BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the version whose change counted minutes last',
  `minutes_since` DATETIME DEFAULT NULL COMMENT 'from when on minutes have all; NULL: from the beginning',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what the sums are of, and those that belong to no day';

CREATE TABLE IF NOT EXISTS `stats_request` (
  `day` DATE NOT NULL,
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'by which name the answer was found; empty: a model was asked',
  `requests` BIGINT NOT NULL,
  `processing_ms` BIGINT NOT NULL,
  `timed` BIGINT NOT NULL COMMENT 'requests that processing_ms is of',
  `uploaded_bytes` BIGINT NOT NULL,
  `not_uploaded` BIGINT NOT NULL COMMENT 'requests that came without the file',
  `saved_bytes` BIGINT NOT NULL COMMENT 'what the files of those weigh',
  PRIMARY KEY (`day`, `kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of a day';

CREATE TABLE IF NOT EXISTS `stats_category` (
  `day` DATE NOT NULL,
  `category` VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  `requests` BIGINT NOT NULL,
  `confidence` BIGINT NOT NULL COMMENT 'sum, in parts of 10000',
  PRIMARY KEY (`day`, `category`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of a day by category';

CREATE TABLE IF NOT EXISTS `stats_latency` (
  `day` DATE NOT NULL,
  `kind` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'hit or paid',
  `bucket` INT UNSIGNED NOT NULL COMMENT 'the shortest processing_time_ms that is in it',
  `requests` BIGINT NOT NULL,
  PRIMARY KEY (`day`, `kind`, `bucket`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of a day by how long they took';

CREATE TABLE IF NOT EXISTS `stats_call` (
  `day` DATE NOT NULL,
  `provider` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'empty: not on record',
  `model` VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL COMMENT 'empty: not on record',
  `lane` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `outcome` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `calls` BIGINT NOT NULL,
  `input_tokens` BIGINT NOT NULL,
  `output_tokens` BIGINT NOT NULL,
  `cached_tokens` BIGINT NOT NULL,
  `cost` BIGINT NOT NULL COMMENT 'in units of the tenth decimal place',
  `unpriced_input_tokens` BIGINT NOT NULL COMMENT 'of calls whose cost is not on record',
  `unpriced_output_tokens` BIGINT NOT NULL COMMENT 'of calls whose cost is not on record',
  `timed` BIGINT NOT NULL COMMENT 'calls that duration_ms is of',
  `duration_ms` BIGINT NOT NULL,
  PRIMARY KEY (`day`, `provider`, `model`, `lane`, `outcome`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the questions of a day to a model';

CREATE TABLE IF NOT EXISTS `stats_member` (
  `day` DATE NOT NULL COMMENT '1000-01-01: all days',
  `kind` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'user, address, or image that a vendor was asked about',
  `member` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  `requests` BIGINT NOT NULL,
  PRIMARY KEY (`day`, `kind`, `member`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='who was there on a day, so that each counts once';

CREATE TABLE IF NOT EXISTS `stats_distinct` (
  `day` DATE NOT NULL COMMENT '1000-01-01: all days',
  `kind` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `members` BIGINT NOT NULL COMMENT 'rows of stats_member',
  PRIMARY KEY (`day`, `kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='how many were there on a day';

CREATE TABLE IF NOT EXISTS `stats_user` (
  `user_id` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  `requests` BIGINT NOT NULL,
  `cache_hits` BIGINT NOT NULL,
  PRIMARY KEY (`user_id`),
  KEY `idx_requests` (`requests` DESC, `user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of a user, over all that are on record';

CREATE TABLE IF NOT EXISTS `stats_recent` (
  `moment` DATETIME NOT NULL COMMENT 'the first of five seconds',
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as in stats_request',
  `requests` BIGINT NOT NULL,
  PRIMARY KEY (`moment`, `kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of the last hour, by five seconds';

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

INSERT INTO `stats_state` (`id`, `built_at`)
SELECT 1, UTC_TIMESTAMP()
FROM (SELECT 1) AS new
WHERE @is_new;

CREATE TABLE IF NOT EXISTS `client_calls` (
  `day` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as 2026-11-29, of STATS_TIMEZONE',
  `client` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of a key, user or address',
  `calls` INT UNSIGNED NOT NULL COMMENT 'questions that were asked for it, and are billed',
  PRIMARY KEY (`day`, `client`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='how many paid calls of a day are whose';

CREATE TABLE IF NOT EXISTS `feedback` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `user_id` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL COMMENT 'user or device who was answered',
  `image_hash` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the key of the answer; of a near match the name of the photo',
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the request that was answered',
  `category` VARCHAR(50) DEFAULT NULL COMMENT 'what the user says; NULL: that the answer is wrong',
  `answered` VARCHAR(50) NOT NULL COMMENT 'what everybody was answered',
  `created_at` DATETIME NOT NULL COMMENT 'of the newest vote',
  `number` BIGINT UNSIGNED NOT NULL COMMENT 'by the counter of votes',
  PRIMARY KEY (`id`),
  UNIQUE KEY `uk_user_image` (`user_id`, `image_hash`),
  KEY `idx_image_hash` (`image_hash`),
  KEY `idx_number` (`number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what users say of the answers that they were given';

INSERT INTO `schema_version` (`number`, `name`, `applied_at`)
SELECT migration.number, migration.name, UTC_TIMESTAMP()
FROM (
  SELECT 1 AS number, 'tables' AS name
  UNION ALL SELECT 2, 'lease_and_model_call'
  UNION ALL SELECT 3, 'earlier_model_calls'
  UNION ALL SELECT 4, 'identity'
  UNION ALL SELECT 5, 'unused_indexes'
  UNION ALL SELECT 6, 'budgets'
  UNION ALL SELECT 7, 'corrections'
  UNION ALL SELECT 8, 'statistics'
  UNION ALL SELECT 9, 'hit_scale'
  UNION ALL SELECT 10, 'log_by_id'
  UNION ALL SELECT 11, 'recent_requests'
  UNION ALL SELECT 12, 'minutes'
) AS migration
WHERE @is_new;
