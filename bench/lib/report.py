"""The table and the pictures of one run."""

import datetime
import os

import goals
import plot
import results as rs

# Figure, heading, format, and what it is.
COLUMNS = [
    ("tps", "tps", "{:,.0f}"),
    ("cpu_us", "cpu_us", "{:,.1f}"),
    ("p50", "p50 ms", "{:.2f}"),
    ("p95", "p95 ms", "{:.2f}"),
    ("p99", "p99 ms", "{:.2f}"),
]
HEAD = """# Results of the last full run

Written by `bench/run`; [what it does](README.md). cpu_us is the CPU time, user and system, that the middleware's
processes took for one transaction, in microseconds: the figure to compare, because it hardly depends on what else the
machine does. Medians over the rounds; ratios are taken round by round. `floor-epoll` and `floor-uring` are relays that
look at nothing: what the kernel costs alone.
"""


def write(folder, all_workloads, results, facts):
    """Writes RESULTS.md and the plots into a folder; returns the path of the former."""
    os.makedirs(f"{folder}/plots", exist_ok=True)
    shown = [one for one in all_workloads if one.name in results.rounds]
    for name, picture in _pictures(shown, results):
        with open(f"{folder}/plots/{name}.svg", "w") as file:
            file.write(picture)
    path = f"{folder}/RESULTS.md"
    with open(path, "w") as file:
        file.write(text(shown, results, facts))
    return path


def text(shown, results, facts):
    """The report in Markdown."""
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = [HEAD, "## The machine and the programs", "", f"* {now:%Y-%m-%d %H:%M} UTC"]
    lines += [f"* {fact}" for fact in facts["machine"] + facts["versions"]]
    lines += [f"* {facts['rounds']} rounds of {facts['seconds']} s, all middlewares in turn in each", ""]
    lines += ["## Goals", "", *_goals(results, facts["driver"]), ""]
    for name, title in (("throughput", "Throughput"), ("cpu", "CPU per transaction"), ("latency", "Latency"),
                        ("memory", "Memory")):
        lines.append(f"![{title}](plots/{name}.svg)")
    lines += ["", "## Workloads", ""]
    for workload in shown:
        lines += [f"### {workload.name}: {workload.says}", "", *table(workload, results), ""]
    return "\n".join(lines)


def _goals(results, driver):
    rows = goals.judge(results, driver)
    met = sum(verdict == "met" for *_, verdict in rows)
    missed = sum(verdict == "**not met**" for *_, verdict in rows)
    yield f"{met} met, {missed} not met, {len(rows) - met - missed} not measured; pgherd's driver: {driver}."
    yield ""
    yield "| goal | figure | limit | |"
    yield "|---|---|---|---|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def table(workload, results):
    """The lines of a workload's table."""
    calls = results.calls.get(workload.name, {})
    idle = any(results.median(workload.name, name, "idle_kib") for name in results.names(workload.name))
    more = ["KiB per idle client", "MiB in all"] if idle else ["PSS MiB"]
    heads = ["", *[head for _, head, _ in COLUMNS], "/ pgbouncer", "system calls", *more]
    yield "| " + " | ".join(heads) + " |"
    yield "|---|" + "---:|" * (len(heads) - 1)
    for name in results.names(workload.name):
        cells = [name]
        for key, _, form in COLUMNS:
            cells.append(_cell(results.median(workload.name, name, key), form))
        cells.append(_cell(results.ratio(workload.name, "cpu_us", rs.BOUNCERS, name=name), "{:.2f}"))
        cells.append(_cell(calls.get(name), "{:.1f}"))
        cells += _memory(workload, name, results, idle)
        if all(cell == "" for cell in cells[1:]):
            cells[1] = results.error(workload.name, name) or "no figures"
        yield "| " + " | ".join(cells) + " |"


def _memory(workload, name, results, idle):
    if idle:
        return [_cell(results.largest(workload.name, name, "idle_kib"), "{:.1f}"),
                _cell(results.largest(workload.name, name, "idle_mib"), "{:.1f}")]
    kib = results.largest(workload.name, name, "pss_kib")
    return [_cell(kib and kib / 1024, "{:.1f}")]


def _cell(value, form):
    return "" if value is None else form.format(value)


def _pictures(shown, results):
    yield "throughput", plot.page("Throughput", "transactions per second; longer is better",
                                  _panels(shown, results, ["tps"], "{:,.0f}"))
    yield "cpu", plot.page("CPU per transaction", "microseconds of the middleware's processes; shorter is better",
                           _panels(shown, results, ["cpu_us"], "{:,.1f}"))
    yield "latency", plot.page("Latency", "milliseconds: p50, paler p95 and p99; the figure is p50 / p99",
                               _panels(shown, results, ["p50", "p95", "p99"], "{0:.2f} / {2:.2f}"))
    yield "memory", plot.page("Memory", "proportional set size of all processes of the middleware, MiB",
                              _panels(shown, results, ["pss_kib"], "{:,.0f}", 1 / 1024))


def _panels(shown, results, keys, form, scale=1.0):
    panels = []
    for workload in shown:
        bars = []
        for name in results.names(workload.name):
            values = [results.median(workload.name, name, key) for key in keys]
            if None not in values:
                values = [value * scale for value in values]
                bars.append((name, values, form.format(*values)))
        if bars:
            panels.append((workload.name, bars))
    return panels
