-- Sums of the statistics by day, and the outbox from which they grow. In a database that has rows they are incomplete
-- until `python -m app.cli rebuild` has counted these. A user's first and last request are found by an index.

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

INSERT INTO `stats_state` (`id`, `built_at`)
SELECT 1, IF(
  EXISTS (SELECT 1 FROM request_log) OR EXISTS (SELECT 1 FROM model_call)
    OR EXISTS (SELECT 1 FROM image_classification_cache),
  NULL,
  UTC_TIMESTAMP()
)
ON DUPLICATE KEY UPDATE `id` = 1;

ALTER TABLE `request_log` ADD KEY `idx_user_created` (`user_id`, `created_at`), ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE `request_log` DROP KEY `idx_user_id`, ALGORITHM=INPLACE, LOCK=NONE;
