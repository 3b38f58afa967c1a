"""What the checklists of both Python drivers share."""

import datetime
import decimal
import uuid

# One value of each kind: SQL type, text that PostgreSQL prints for it.
TYPES = [
    ("bool", True),
    ("int2", -32768),
    ("int4", 2147483647),
    ("int8", -9223372036854775808),
    ("float4", 1.5),
    ("float8", 0.1),
    ("numeric", decimal.Decimal("-12345678901234567890.123456789")),
    ("text", "h\u00e9rd \U0001f404 'quoted' \\"),
    ("varchar", ""),
    ("bytea", bytes(range(256))),
    ("date", datetime.date(2024, 2, 29)),
    ("time", datetime.time(23, 59, 59, 999999)),
    ("timestamp", datetime.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", datetime.datetime(2038, 1, 19, 3, 14, 7, tzinfo=datetime.timezone.utc)),
    ("interval", datetime.timedelta(days=3, seconds=7)),
    ("uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("int4[]", [1, 2, 3]),
    ("text[]", ["a", "b,c", 'd"e']),
]


def show(name, value):
    print(f"{name}: {value}", flush=True)


def fail(name, error):
    text = " ".join(str(error).split())
    print(f"{name}: FAIL {type(error).__name__} {text}", flush=True)
