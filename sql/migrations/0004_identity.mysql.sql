-- Several names for one answer: what else a photo is called, what it looks like, and by which name it was found.

ALTER TABLE `image_classification_cache`
  ADD COLUMN `image_size` INT UNSIGNED DEFAULT NULL COMMENT 'bytes of the file that was paid for; NULL: from before',
  ALGORITHM=INSTANT;

ALTER TABLE `request_log`
  ADD COLUMN `matched_by` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'by which name the answer was found; NULL: a model was asked, or not on record',
  ADD COLUMN `saved_bytes` INT UNSIGNED DEFAULT NULL COMMENT 'bytes that were not uploaded',
  ALGORITHM=INSTANT;

-- A VARCHAR that stays below 256 bytes becomes longer in place: no row is touched.
ALTER TABLE `request_log`
  MODIFY COLUMN `image_hash` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the name that was asked for: SHA-256, or c1: and a SHA-256',
  ALGORITHM=INPLACE, LOCK=NONE;

ALTER TABLE `classification_refusal`
  MODIFY COLUMN `image_hash` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a name of an image that a model would not classify',
  ALGORITHM=INPLACE, LOCK=NONE;

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
