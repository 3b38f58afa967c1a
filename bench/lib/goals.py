"""The goals, and whether this run met them."""

from results import BOUNCERS, OURS, OURS_ON_EPOLL

POINTS = [f"{mode}{clients}" for mode in ("simple", "extended", "prepared") for clients in (16, 64)]
EVERYTHING = [*POINTS, "n16", "tpcb16", "connect4", "rows1k", "rows200k"]
# Limits of cpu_us against PgBouncer, by driver: workloads, io_uring, epoll.
CPU = [
    (POINTS, 0.85, 1.0),
    (["n16", "tpcb16"], 0.85, 1.0),
    (["connect4"], 1.0, 1.0),
    (["rows1k", "rows200k"], 0.5, 0.65),
    (["unix16", "unix64"], 0.75, 0.85),
]
# Workloads in which pgherd is compared with PgBouncer.
COMPARED = [name for names, _, _ in CPU for name in names]
SYSTEM_CALLS = {"uring": 1.0, "epoll": 4.3}
# Memory of idle clients: KiB each, MiB in all for 10,000 of them.
IDLE_KIB, IDLE_MIB = 2.0, 32.0
# What two event loops could serve in the CPU time that they take, in multiples of one.
TWO_LOOPS = 1.7
# p99 of point reads with bulk results beside them, in multiples of p50.
FAIR = 3.0


def judge(results, driver):
    """A list of (goal, figure, limit, verdict), each as text. `driver` is pgherd's: uring or epoll."""
    rows = _of_driver(results, OURS, driver, "")
    if any(OURS_ON_EPOLL in results.names(name) for name in COMPARED):
        rows += _of_driver(results, OURS_ON_EPOLL, "epoll", ", on epoll")
    for name in ("rows1k", "rows200k"):
        rows.append(_most(f"{name}: cpu_us / haproxy", results.ratio(name, "cpu_us", ["haproxy"]), 1.0))
    for name in EVERYTHING:
        rows.append(_most(f"{name}: cpu_us / pgpool2", results.ratio(name, "cpu_us", ["pgpool2"]), 0.3))
    rows.append(_most("idle10000: KiB for each idle client", results.largest("idle10000", OURS, "idle_kib"), IDLE_KIB))
    rows.append(_most("idle10000: MiB in all", results.largest("idle10000", OURS, "idle_mib"), IDLE_MIB))
    dearer = results.ratio("simple64", "cpu_us", [OURS], name="pgherd-2")
    rows.append(_least("simple64: capacity of two event loops / of one", dearer and 2 / dearer, TWO_LOOPS))
    slow, middle = (results.median("fair200", OURS, key) for key in ("p99", "p50"))
    rows.append(_most("fair200: p99 / p50", slow / middle if slow and middle else None, FAIR))
    return rows


def _of_driver(results, ours, driver, which):
    """What is asked of each driver."""
    rows = []
    for names, uring, epoll in CPU:
        limit = uring if driver == "uring" else epoll
        for name in names:
            ratio = results.ratio(name, "cpu_us", BOUNCERS, name=ours)
            rows.append(_most(f"{name}: cpu_us / pgbouncer{which}", ratio, limit))
    for name in [*POINTS, "connect4"]:
        ratio = results.ratio(name, "tps", BOUNCERS, max, name=ours)
        rows.append(_least(f"{name}: tps / pgbouncer{which}", ratio, 1.0))
    for name in POINTS:
        calls = results.calls.get(name, {}).get(ours)
        rows.append(_most(f"{name}: system calls per transaction{which}", calls, SYSTEM_CALLS[driver]))
    return rows


def _most(goal, figure, limit):
    return _row(goal, figure, f"at most {limit:g}", figure is not None and figure <= limit)


def _least(goal, figure, limit):
    return _row(goal, figure, f"at least {limit:g}", figure is not None and figure >= limit)


def _row(goal, figure, limit, met):
    if figure is None:
        return (goal, "-", limit, "not measured")
    return (goal, f"{figure:.2f}", limit, "met" if met else "**not met**")
