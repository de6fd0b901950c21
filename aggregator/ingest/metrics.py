"""What ingest counts about itself, for `/metrics` (Prometheus); how it is now stands in `Status`."""

from prometheus_client import Counter, Histogram

MESSAGES = Counter("machikoba_ingest_messages", "Sparkplug messages received", ["type"])
REFUSED = Counter("machikoba_ingest_refused", "Messages, metrics and rows refused", ["what"])
METRICS_IGNORED = Counter("machikoba_ingest_metrics_ignored", "Metrics in data that no birth named")
MESSAGES_DROPPED = Counter("machikoba_ingest_messages_dropped", "Messages dropped unread: too many at once")
REBIRTHS = Counter("machikoba_ingest_rebirths_requested", "Rebirths asked of agents")
ROWS_STORED = Counter("machikoba_ingest_rows_stored", "Rows of records committed to the store")
ROWS_DROPPED = Counter("machikoba_ingest_rows_dropped", "Rows dropped because the queue was full; sent again")
ROWS_LOST = Counter("machikoba_ingest_rows_lost", "Rows that neither store nor agent has any more")
STORE_SECONDS = Histogram("machikoba_ingest_store_seconds", "Time to store one batch of rows")
STORE_FAILURES = Counter("machikoba_ingest_store_failures", "Attempts to store a batch that failed")
