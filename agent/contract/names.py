"""Metric names on the wire; both sides use these and no others."""

# Node (factory): births
BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
EPOCH = "Delivery/Epoch"
RECORDS = "Delivery/Records"
STORED_EPOCH = "Delivery/Stored Epoch"
STORED_THROUGH = "Delivery/Stored Through"
# Records up to this sequence are gone from the outbox: a store that lacks them can never get them again.
FORGOTTEN_THROUGH = "Delivery/Forgotten Through"
VERSION = "Agent/Version"
TIME_SYNCHRONISED = "Agent/Time Synchronised"
OUTBOX_RECORDS = "Agent/Outbox Records"
MEMORY_BYTES = "Agent/Memory Bytes"
UPTIME_S = "Agent/Uptime Seconds"
RECONNECTS = "Agent/Reconnects"

# Machine (Sparkplug device): live
STATE = "State"
STATE_SINCE = "State Since"
CYCLES_TOTAL = "Cycles Total"
UTILIZATION = "Utilization"
JOB = "Job"

# Both: who they are
NAME = "Properties/Name"
PROCESS = "Properties/Process"
TRUST = "Properties/Trust"
SHARE = "Properties/Share"
CYCLES = "Properties/Cycles"

# Trust of a machine's numbers.
TRUST_MEASURED = "measured"
TRUST_BEST_EFFORT = "best-effort"

# What a machine's owner lets out of the factory: its states, or only busy or not.
SHARE_FULL = "full"
SHARE_UTILIZATION = "utilization"
# Its counts: always, or only while a shared job is on; else they are unknown, which is not zero.
CYCLES_ALWAYS = "always"
CYCLES_SHARED_JOBS_ONLY = "shared-jobs-only"
