"""The workloads, each of which asks one question."""

import servers

POINT = "select abalance from pgbench_accounts where aid = :aid;\n"
# Queries of one pipeline.
PIPELINE = 10
ACCOUNT = f"\\set aid random(1, {servers.ACCOUNTS})\n"
PIPELINED = ACCOUNT + "\\startpipeline\n" + (POINT * PIPELINE) + "\\endpipeline\n"
# Bytes of the row of `row300m`, and of one COPY.
ROW_BYTES = 300 * 1000 * 1000
COPY_BYTES = 64 * 1024 * 1024
# Files that a middleware opens beside those of its idle clients.
SPARE_FILES = 200


class Workload:
    """A workload. `sampled` is the part of pgbench's transactions whose latency is written down."""

    def __init__(self, name, says, scene, arguments=(), script=None, sampled=1.0):
        self.name = name
        self.says = says
        self.scene = scene
        self.arguments = list(arguments)
        self.script = script
        self.sampled = sampled


class Copy(Workload):
    """A COPY of COPY_BYTES per transaction; `out` is from the server to the client."""

    def __init__(self, name, says, out):
        super().__init__(name, says, "one")
        self.out = out


class Idle(Workload):
    """So many clients that have asked one thing and stay, beside 16 active ones."""

    def __init__(self, count):
        super().__init__(f"idle{count}", f"`select 1`, 16 clients, beside {count:,} idle ones; a stub for a server",
                         "stub", ["-M", "simple", "-c", "16"], "select 1;\n", 0.1)
        self.count = count


class Fair(Workload):
    """Point reads of many clients with bulk results beside them: what counts is how far p99 is from p50."""

    def __init__(self):
        says = "point read, simple protocol, 200 clients, beside 2 clients that fetch 200,000 rows"
        super().__init__("fair200", says, "one", ["-S", "-M", "simple", "-c", "200"], None, 0.1)


def _points(mode, says, script=None):
    select = [] if script else ["-S"]
    protocol = "extended" if script else mode
    for clients in (16, 64):
        yield Workload(f"{mode}{clients}", f"{says}, {clients} clients", "one",
                       [*select, "-M", protocol, "-c", str(clients)], script, 0.1)


ALL = [
    *_points("simple", "point read, simple protocol"),
    *_points("extended", "point read, extended protocol"),
    *_points("prepared", "point read, prepared statement"),
    *_points("pipelined", f"{PIPELINE} point reads in a pipeline, extended protocol", PIPELINED),
    Workload("n16", "pgbench -N: five statements, a transaction, 16 clients", "one", ["-N", "-c", "16"]),
    Workload("tpcb16", "TPC-B: seven statements, a transaction, 16 clients", "one", ["-c", "16"]),
    Workload("connect4", "a connection for each point read, 4 clients", "one", ["-S", "-C", "-c", "4"]),
    Workload("rows1k", "1,000 rows, 4 clients", "one", ["-c", "4"], "select * from wide where id <= 1000;\n"),
    Workload("rows200k", "200,000 rows, 2 clients", "one", ["-c", "2"], "select * from wide;\n"),
    Workload("row300m", "one row of 300 MB, 1 client", "one", ["-c", "1"], f"select repeat('x', {ROW_BYTES});\n"),
    Copy("copyout", "COPY TO STDOUT of 64 MiB, 1 client", out=True),
    Copy("copyin", "COPY FROM STDIN of 64 MiB, 1 client", out=False),
    Fair(),
    Workload("unix16", "point read, simple protocol, 16 clients; the server through its Unix socket", "unix",
             ["-S", "-M", "simple", "-c", "16"], None, 0.1),
    Workload("unix64", "point read, simple protocol, 64 clients; the server through its Unix socket", "unix",
             ["-S", "-M", "simple", "-c", "64"], None, 0.1),
    Workload("three16", "point read, simple protocol, 16 clients; a primary and two standbys", "three",
             ["-S", "-M", "simple", "-c", "16"], None, 0.1),
    Workload("three64", "point read, simple protocol, 64 clients; a primary and two standbys", "three",
             ["-S", "-M", "simple", "-c", "64"], None, 0.1),
    Idle(1_000),
    Idle(10_000),
]


def fit(files):
    """Takes as many idle clients as so many open files allow, two for each and some to spare, and says so."""
    for one in ALL:
        if isinstance(one, Idle) and 2 * one.count + SPARE_FILES > files:
            one.count = (files - SPARE_FILES) // 2
            one.says += f" ({one.count:,} here)"
