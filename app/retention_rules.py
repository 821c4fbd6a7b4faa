"""Which tables old rows are deleted from, and when."""

from datetime import timedelta

from app.config import Settings
from app.services.records.rejected_files import RejectedFiles
from app.services.upkeep.retention import NONCE_MARGIN, Retention, slice_by_slice
from app.storage import Storage


def build_retention(settings: Settings, storage: Storage, rejected: RejectedFiles) -> list[Retention]:
    """Build what deletes old rows, of the tables that get any and are not to be kept for ever."""
    rules = []
    if settings.log_retention_days:
        log, keep, every = storage.request_log, timedelta(days=settings.log_retention_days), timedelta(minutes=30)
        backlog = storage.rollups.measure_outbox
        rules.append(Retention("request log", log.delete_older, keep, every, storage.leases, log.measure_gap, backlog))
        rules.append(Retention("rejected records", slice_by_slice(rejected.delete_older), keep, every))
    hour = timedelta(hours=1)
    rules.append(Retention("leases", slice_by_slice(storage.leases.delete_ended), hour, hour))
    if settings.budget_limits:
        budgets, leases = storage.budgets, storage.leases
        rules.append(Retention("reservations", slice_by_slice(budgets.delete_ended), hour, hour, leases))
        rules.append(Retention("client calls", slice_by_slice(budgets.delete_client_calls), 48 * hour, hour, leases))
    if settings.signing_secrets:
        every = timedelta(minutes=10)
        delete_nonces = slice_by_slice(storage.nonces.delete_ended)
        rules.append(Retention("nonces", delete_nonces, NONCE_MARGIN, every, storage.leases))
    return rules
