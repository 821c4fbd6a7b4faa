"""Users' votes about the answers that they were given. SQL only."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Sql, from_sql_time, to_sql_time
from app.models.domain import OPERATOR, Category
from app.models.feedback import DisputedAnswer, Vote, VoteCount
from app.repositories.categories import category_of
from app.repositories.change_statements import VOTES, count_change

_TIMEOUT_SECONDS = 30.0

_UPSERT_VOTE = Sql(
    mysql="""
INSERT INTO feedback (user_id, image_hash, request_id, category, answered, created_at, number)
SELECT :user_id, :image_hash, :request_id, :category, :answered, :created_at, c.number
FROM change_counter AS c
WHERE c.topic = 'votes'
ON DUPLICATE KEY UPDATE
  request_id = :request_id, category = :category, answered = :answered, created_at = :created_at, number = c.number
""",
    sqlite="""
INSERT INTO feedback (user_id, image_hash, request_id, category, answered, created_at, number)
SELECT :user_id, :image_hash, :request_id, :category, :answered, :created_at, c.number
FROM change_counter AS c
WHERE c.topic = 'votes'
ON CONFLICT (user_id, image_hash) DO UPDATE SET
  request_id = excluded.request_id, category = excluded.category, answered = excluded.answered,
  created_at = excluded.created_at, number = excluded.number
""",
)

_SELECT_VOTERS = Sql.same("""
SELECT number, user_id FROM feedback WHERE number > :after ORDER BY number LIMIT :limit
""")

# By the place of each photo, the newest vote last. Without votes from before an operator decided on the answer: while
# the decision holds, it is the newer word. Of the same second the vote counts, or one that follows at once would be
# lost.
_SELECT_VOTES = Sql(
    mysql="""
SELECT wanted.place, f.category
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  place INT PATH '$[0]',
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
)) AS wanted
STRAIGHT_JOIN feedback AS f FORCE INDEX (uk_user_image) ON f.image_hash = wanted.name
WHERE f.user_id = :user_id AND NOT EXISTS (
  SELECT 1
  FROM JSON_TABLE(:names, '$[*]' COLUMNS (
    place INT PATH '$[0]',
    name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
  )) AS own
  STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash) ON c.image_hash = own.name
  STRAIGHT_JOIN audit AS decision FORCE INDEX (idx_image_hash) ON decision.image_hash = c.image_hash
  WHERE own.place = wanted.place
    AND c.model_used = :operator AND decision.action = 'correct' AND decision.created_at > f.created_at
)
ORDER BY f.number
""",
    sqlite="""
SELECT wanted.value ->> 0, f.category
FROM json_each(:names) AS wanted
CROSS JOIN feedback AS f ON f.image_hash = wanted.value ->> 1
WHERE f.user_id = :user_id AND NOT EXISTS (
  SELECT 1
  FROM json_each(:names) AS own
  CROSS JOIN image_classification_cache AS c ON c.image_hash = own.value ->> 1
  CROSS JOIN audit AS decision ON decision.image_hash = c.image_hash
  WHERE own.value ->> 0 = wanted.value ->> 0
    AND c.model_used = :operator AND decision.action = 'correct' AND decision.created_at > f.created_at
)
ORDER BY f.number
""",
)

# The newest votes that disagree with an answer. What operators have decided is left out, and votes on an answer that is
# there no more: older ones take their place, so that a long queue is read in pieces and none is forgotten. By the
# number, and no further than it takes: to read 200,000 votes takes seconds.
_DISPUTED = """
SELECT f.image_hash, c.category, f.created_at
FROM feedback AS f {index}
LEFT JOIN image_classification_cache AS own ON own.image_hash = f.image_hash
LEFT JOIN image_alias AS a ON a.name = f.image_hash
{join} image_classification_cache AS c ON c.image_hash = COALESCE(own.image_hash, a.image_hash)
WHERE c.model_used <> :operator AND c.category = f.answered AND (f.category IS NULL OR f.category <> c.category)
ORDER BY f.number DESC
LIMIT :votes
"""
_RANKED = f"""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ image_hash, MAX(category), COUNT(*) AS votes, MAX(created_at)
FROM ({_DISPUTED}) AS disputed
GROUP BY image_hash
ORDER BY votes DESC, image_hash
LIMIT :limit
"""  # noqa: S608  # nosec B608  # the text above
_SELECT_DISPUTED = Sql(
    mysql=_RANKED.format(index="FORCE INDEX (idx_number)", join="STRAIGHT_JOIN"),
    sqlite=_RANKED.format(index="INDEXED BY idx_feedback_number", join="JOIN"),
)

_COUNT_VOTES = Sql(
    mysql="""
SELECT f.image_hash, f.category, COUNT(*) AS votes
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN feedback AS f FORCE INDEX (idx_image_hash) ON f.image_hash = wanted.name
GROUP BY f.image_hash, f.category
ORDER BY votes DESC, f.category
""",
    sqlite="""
SELECT image_hash, category, COUNT(*) AS votes
FROM feedback
WHERE image_hash IN (SELECT value FROM json_each(:names))
GROUP BY image_hash, category
ORDER BY votes DESC, category
""",
)

_DELETE_VOTES = Sql.same("DELETE FROM feedback WHERE user_id = :user_id")


@dataclass(frozen=True, slots=True)
class FeedbackRepository:
    """Writes and reads votes. Every method raises `DatabaseUnavailable`."""

    database: Database
    disputed_votes: int = 1000
    """So many votes are looked at for what users disagree with."""

    async def write(self, vote: Vote, now: datetime) -> None:
        """Write a vote, in place of the same user's about the same photo."""
        params: Params = {
            "user_id": vote.user_id,
            "image_hash": vote.image_hash,
            "request_id": vote.request_id,
            "category": vote.category,
            "answered": vote.answered,
            "created_at": to_sql_time(now),
        }
        await self.database.commit([count_change(VOTES), (_UPSERT_VOTE, params)])

    async def fetch_voters(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Return number and user of the first votes behind this number."""
        rows = await self.database.fetch_all(_SELECT_VOTERS, {"after": after, "limit": limit})
        return [(int(number), user_id) for number, user_id in rows]

    async def fetch_categories(self, user_id: str, photos: Sequence[Sequence[str]]) -> list[Category | None]:
        """Return what the user says that each photo shows, which is given by its names; None where they say nothing.

        What an operator has decided since then is the newer word: nothing is returned.
        """
        names = [(place, name) for place, photo in enumerate(photos) for name in dict.fromkeys(photo)]
        params: Params = {"user_id": user_id, "names": json.dumps(names), "operator": OPERATOR}
        rows = await self.database.fetch_all(_SELECT_VOTES, params)
        votes = {int(place): category_of(category) for place, category in rows}
        return [votes.get(place) for place in range(len(photos))]

    async def fetch_disputed(self, limit: int) -> list[DisputedAnswer]:
        """Return the answers that most users say are wrong, by the newest votes that nobody has decided on."""
        params: Params = {"limit": limit, "operator": OPERATOR, "votes": self.disputed_votes}
        rows = await self.database.fetch_all(_SELECT_DISPUTED, params, timeout_seconds=_TIMEOUT_SECONDS)
        names = json.dumps([row[0] for row in rows])
        counts: defaultdict[str, list[VoteCount]] = defaultdict(list)
        for image_hash, category, votes in await self.database.fetch_all(_COUNT_VOTES, {"names": names}):
            counts[image_hash].append(VoteCount(category_of(category), votes))
        return [
            DisputedAnswer(image_hash, answered, votes, from_sql_time(last), counts[image_hash])
            for image_hash, answered, votes, last in rows
        ]

    async def erase(self, user_id: str) -> None:
        """Delete the votes of a user."""
        await self.database.execute(_DELETE_VOTES, {"user_id": user_id})
