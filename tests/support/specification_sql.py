"""The specification's own statistics: its section 7.4, to the letter. `BYTES` is ours."""

TODAY = """
SELECT
    COUNT(*) as total_requests,
    SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END) as cache_hits,
    SUM(CASE WHEN from_cache = 0 THEN 1 ELSE 0 END) as cache_misses,
    ROUND(SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END) * 100.0 / COUNT(*), 2) as cache_hit_rate,
    COUNT(DISTINCT user_id) as unique_users,
    COUNT(DISTINCT ip_address) as unique_ips,
    AVG(processing_time_ms) as avg_processing_time,
    SUM(CASE WHEN from_cache = 0 THEN 1 ELSE 0 END) * 0.01 as estimated_cost,
    SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END) * 0.01 as cost_saved
FROM request_log
WHERE created_date = CURDATE()
"""
BYTES = "SELECT SUM(image_size), SUM(saved_bytes) FROM request_log WHERE created_date = CURDATE()"
CACHE_EFFICIENCY = """
SELECT
    COUNT(*) as total_cached_images,
    SUM(hit_count) as total_hits,
    SUM(hit_count - 1) as times_saved,
    (SUM(hit_count - 1) * 0.01) as cost_saved,
    AVG(hit_count) as avg_hit_per_image,
    MAX(hit_count) as max_hits
FROM image_classification_cache
"""
CATEGORY_DISTRIBUTION = """
SELECT
    category,
    COUNT(*) as count,
    ROUND(AVG(confidence), 4) as avg_confidence,
    ROUND(COUNT(*) * 100.0 / (SELECT COUNT(*) FROM request_log WHERE created_date = CURDATE()), 2) as percentage
FROM request_log
WHERE created_date = CURDATE()
GROUP BY category
ORDER BY count DESC
"""
TOP_IMAGES = """
SELECT
    image_hash, category, confidence, hit_count, created_at, last_hit_at,
    TIMESTAMPDIFF(DAY, created_at, last_hit_at) as lifetime_days
FROM image_classification_cache
ORDER BY hit_count DESC
LIMIT 10
"""
TOP_USERS = """
SELECT
    user_id,
    COUNT(*) as request_count,
    SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END) as cache_hits,
    ROUND(SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END) * 100.0 / COUNT(*), 2) as cache_hit_rate,
    MIN(created_at) as first_request,
    MAX(created_at) as last_request
FROM request_log
WHERE user_id IS NOT NULL
GROUP BY user_id
ORDER BY request_count DESC
LIMIT 20
"""
