-- Wrong answers can be mended: what operators change, and who must hear of it.

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
