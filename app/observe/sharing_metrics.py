"""What is measured of Redis and of MySQL's replicas: a part of `metrics.py`."""

from app.observe.kinds import Counter, Gauge, Histogram

_REDIS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class SharingMetrics:
    """The metrics of what look-ups are shared with."""

    def _add_redis(self) -> None:
        self.redis_lookups = Counter(
            "redis_lookups_total",
            "Names that memory missed and Redis was to be asked for; `result` is `hit`, `miss`, `outdated` (its answer "
            "may have changed since), `damaged` (what is there is no answer), `bypassed` (Redis was away)",
            ("result",),
        )
        for result in ("hit", "miss", "outdated", "damaged", "bypassed"):
            self.redis_lookups.add(result, amount=0)
        self.redis_seconds = Histogram(
            "redis_duration_seconds", "Time of one exchange with Redis, those that failed included", (), _REDIS_SECONDS
        )
        self.redis_errors = Counter(
            "redis_errors_total",
            "What Redis did not do; `reason` is `timeout`, `lost` (no connection, or it broke), `refused` (it "
            "answered with an error), `busy` (all connections were in use)",
            ("reason",),
        )
        for reason in ("timeout", "lost", "refused", "busy"):
            self.redis_errors.add(reason, amount=0)
        self.redis_bypassed = Gauge("redis_bypassed", "Processes that go without their Redis at the moment")

    def _add_replicas(self) -> None:
        self.replica_lookups = Counter(
            "replica_lookups_total",
            "Names that replicas were to be asked for; `result` is `hit`, `miss`, `behind` (not all changes of answers "
            "had reached the replica), `bypassed` (there was none to ask)",
            ("result",),
        )
        for result in ("hit", "miss", "behind", "bypassed"):
            self.replica_lookups.add(result, amount=0)
        self.replica_lag = Gauge(
            "replica_lag_seconds",
            "How far a replica is behind the primary, or up to a second less, as the process that sees it worst saw it "
            "last",
            ("replica",),
            is_shared=True,
        )
        self.replica_readers = Gauge(
            "replica_readers", "Processes that read from a replica at the moment", ("replica",)
        )
