"""What is measured: every metric with its name, its help text and its labels. Plain tallies, read elsewhere.

Whoever has something to count holds a `Metrics` and knows nothing of Prometheus; `exposition.py` hands the tallies on
once a second.

Labels take values from closed sets only: never a user, a hash, an address, or a path as a client wrote it.
"""

from typing import get_args

from app.models.domain import NetworkOutcome
from app.observe.kinds import Counter, Gauge, Histogram, Metric
from app.observe.sharing_metrics import SharingMetrics

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MODEL_SECONDS = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60)
_IMAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DATABASE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics(SharingMetrics):
    """The metrics of one process, each an attribute, in the order of `docs/metrics.md`."""

    def __init__(self) -> None:
        self.requests = Histogram(
            "request_duration_seconds",
            "Time from a request's head to its whole answer; `route` is a template, `other` where there is none; "
            "`status` is `none` where the client left before an answer",
            ("route", "method", "status"),
            _REQUEST_SECONDS,
        )
        self.errors = Counter(
            "errors_total", "Failures answered, by the `code` in their body; of a batch, those of its photos", ("code",)
        )
        self.cache_lookups = Counter(
            "cache_lookups_total",
            "Lookups of images; `tier` is `memory`, or `database` for those that memory missed, Redis in front of it "
            "included; `result` `hit`, `miss`",
            ("tier", "result"),
        )
        for tier in ("memory", "database"):
            for result in ("hit", "miss"):
                self.cache_lookups.add(tier, result, amount=0)  # there before the first: a rate of hits may be none
        self.lookup_batch_size = Histogram("lookup_batch_size", "Images looked up by one statement", (), _BATCH_SIZES)
        self.lookup_seconds = Histogram(
            "lookup_duration_seconds", "Time of one statement that looks images up", (), _DATABASE_SECONDS
        )
        self.flight_joins = Counter(
            "single_flight_joins_total", "Uploads that waited for another's answer to the same image in the process"
        )
        self.lease_waits = Counter("lease_waits_total", "Images for whose answer by another process this one waited")
        self._add_redis()
        self._add_replicas()
        self._add_sign_in()
        self._add_identity()
        self._add_images()
        self._add_models()
        self._add_records()
        self._add_present()

    def all(self) -> list[Metric]:
        """Return every metric, in order."""
        return list(vars(self).values())

    def _add_sign_in(self) -> None:
        self.token_checks = Counter(
            "token_checks_total",
            "Users' tokens that were seen for the first time, by `outcome`: `accepted`, or the `code` of the error",
            ("outcome",),
        )
        self.key_fetches = Counter(
            "key_fetches_total",
            "Times that the keys of the tokens' issuer were asked for; `outcome` is `read`, `failed`",
            ("outcome",),
        )
        for outcome in ("accepted", "invalid_token", "expired_token"):
            self.token_checks.add(outcome, amount=0)
        for outcome in ("read", "failed"):
            self.key_fetches.add(outcome, amount=0)
        self.key_age = Gauge(
            "key_age_seconds", "How long ago these keys were read last; 0 before they were", is_shared=True
        )

    def _add_identity(self) -> None:
        self.answers = Counter(
            "answers_total",
            "Answers by how their photo was recognised: `bytes` (the same file), `content` (but for its metadata), "
            "`question` (the model would be asked the same), `near` (it looks alike); those that were not are `paid`, "
            "`network` (the embedded network answered, for nothing) or `degraded` (it did since no model could)",
            ("matched_by",),
        )
        for name in ("bytes", "content", "question", "near", "paid", "network", "degraded"):
            self.answers.add(name, amount=0)
        self.near_seconds = Histogram(
            "near_lookup_duration_seconds", "Time to look for photos that look alike", (), _DATABASE_SECONDS
        )
        self.near_trials = Counter(
            "near_trials_total",
            "Near matches compared with a model's answer; `outcome` is `agreed`, `disagreed` (another category)",
            ("outcome",),
        )
        for outcome in ("agreed", "disagreed"):
            self.near_trials.add(outcome, amount=0)
        self.near_serving = Gauge(
            "near_serving", "Processes that serve near matches, as each decided when it last found one"
        )

    def _add_images(self) -> None:
        self.images_prepared = Counter("images_prepared_total", "Images made ready for the model")
        self.images_rejected = Counter(
            "images_rejected_total", "Images that could not be made ready, by the error's code", ("reason",)
        )
        self.image_seconds = Histogram(
            "image_preparation_seconds",
            "Time to make an image ready, its wait for a place included",
            (),
            _IMAGE_SECONDS,
        )
        self.images_killed = Counter(
            "images_killed_total",
            "Images whose decoding was ended: over its limit of `time` or `memory`, by a `crash`, by something `other` "
            "than the image",
            ("reason",),
        )
        for reason in ("time", "memory", "crash", "other"):
            self.images_killed.add(reason, amount=0)
        self.image_processes = Gauge("image_processes", "Processes for decoding images, idle ones included")
        self.network_processes = Gauge(
            "network_processes", "Processes for running the embedded network, idle ones included"
        )
        self.image_memory = Gauge("image_memory_bytes", "Memory set aside for decoding large images")

    def _add_models(self) -> None:
        self.model_calls = Counter(
            "model_calls_total",
            "Questions sent to a model; `outcome` is `answered`, `refused`, or what failed: `bad_answer`, `rejected`, "
            "`unavailable`, `misconfigured`, `timeout`, `cancelled`",
            ("provider", "model", "outcome"),
        )
        self.model_calls_now = Gauge("model_calls_in_progress", "Questions that are with vendors' models at the moment")
        self.model_seconds = Histogram(
            "model_call_duration_seconds",
            "Time of a question to a model, from when it was sent",
            ("provider", "model"),
            _MODEL_SECONDS,
        )
        self.model_tokens = Counter(
            "model_tokens_total",
            "Tokens paid for, by `kind`: `input` (all of it), `cached` (what of it the vendor had cached), `output`",
            ("provider", "model", "kind"),
        )
        self.model_skips = Counter(
            "model_skips_total",
            "Questions that were not sent: `circuit_open` (the breaker is open), `overloaded` (too many wait)",
            ("provider", "model", "reason"),
        )
        self.network_looks = Counter(
            "network_looks_total",
            "Photos that the embedded network looked at before or in place of a model: `sure`, `unsure` (a model "
            "was asked), `agreed` and `disagreed` (a model was asked, too), `degraded` (no model could be)",
            ("outcome",),
        )
        for outcome in get_args(NetworkOutcome):
            self.network_looks.add(outcome, amount=0)
        self.budget_spent = Gauge(
            "budget_spent",
            "Money spent on models in this `day` or `month`, with what is set aside for questions under way; as it was "
            "seen last, at most ten seconds ago; 0 without a budget",
            ("period",),
            is_shared=True,
        )
        self.budget_limit = Gauge(
            "budget_limit", "`DAILY_BUDGET` and `MONTHLY_BUDGET`; 0: none", ("period",), is_shared=True
        )
        self.budget_refusals = Counter(
            "budget_refusals_total",
            "Questions that were not asked: the budget of the `day` or of the `month` is spent, or what is left of it "
            "is `held` for others that are under way",
            ("reason",),
        )
        for reason in ("day", "month", "held"):
            self.budget_refusals.add(reason, amount=0)
        self.quota_refusals = Counter(
            "quota_refusals_total",
            "Questions that were not asked for one client: its `share` of the places is taken, or its `daily` calls "
            "have been made",
            ("limit",),
        )
        for limit in ("share", "daily"):
            self.quota_refusals.add(limit, amount=0)
        self.refusals = Counter(
            "refusals_total",
            "Images that no model would classify; `source` is `model`, or `remembered` where it was not asked again",
            ("source",),
        )
        self.breakers = Gauge(
            "model_breaker_processes",
            "Processes by the state of their circuit breaker: `closed`, `open`, `half_open`",
            ("provider", "model", "state"),
        )

    def _add_records(self) -> None:
        self.commit_batch_size = Histogram("commit_batch_size", "Records written by one transaction", (), _BATCH_SIZES)
        self.commit_seconds = Histogram(
            "commit_duration_seconds", "Time until one batch of records was durable", (), _DATABASE_SECONDS
        )
        self.spooled_answers = Gauge("spooled_answers", "Answers whose records wait on disk for the database")
        self.spooled_bytes = Gauge("spooled_bytes", "Size of those records")
        self.rejected_records = Counter(
            "rejected_records_total",
            "Records that the database will never take; `outcome` is `put_aside`, for people to look at, or `lost`, "
            "where there was no room",
            ("outcome",),
        )
        for outcome in ("put_aside", "lost"):
            self.rejected_records.add(outcome, amount=0)  # there before the first: an increase needs a beginning
        self.outbox_rows = Gauge(
            "statistics_outbox_rows",
            "Changes that are in the outbox and not yet in the sums of the statistics, or a few more; as it was seen "
            "last, at most ten seconds ago",
            is_shared=True,
        )
        self.outbox_rejected = Counter(
            "statistics_outbox_rejected_total",
            "Changes that could not be added to the statistics, which then wait for `python -m app.cli rebuild`",
        )
        self.outbox_rejected.add(amount=0)

    def _add_present(self) -> None:
        self.queues = Gauge(
            "queue_length",
            "What waits, by `queue`: `lookups`, `records`, `images` (to be decoded), `questions` (to be asked of a "
            "model), `network` (to be looked at by the embedded network)",
            ("queue",),
        )
        self.uploads = Gauge("uploads_in_progress", "Requests whose uploads are read or answered at the moment")
        self.upload_bytes = Gauge("upload_bytes", "Bytes of uploads in memory")
        self.live_streams = Gauge("live_streams", "Open streams of the live feed")
        self.remembered = Gauge("memory_cache_entries", "Names of photos in memory, each with its answer")
        self.database_in_use = Gauge("database_connections_in_use", "Database connections in use")
        self.database_limit = Gauge("database_connections_limit", "Most database connections")
        self.database_waiting = Gauge("database_calls_waiting", "Database calls that wait for a connection")
        self.database_node = Gauge(
            "database_node",
            "Processes that see a MySQL server in a `role`, where `MYSQL_HOST` names several: `primary`, `secondary`, "
            "`recovering` (not in its group), `isolated` (without the majority of it), `unreachable`, `refused` (until "
            "a person changes something)",
            ("node", "role"),
        )
        self.processes = Gauge("processes", "Processes that serve")
        self.build = Gauge(
            "build_info",
            "Processes by what they run: the service's version, Python's, the prompt's",
            ("version", "python", "prompt"),
        )
