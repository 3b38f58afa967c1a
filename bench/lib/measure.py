"""One measurement: one workload through one middleware, once."""

import glob
import os
import re
import subprocess
import time

import client
import system
import workloads

PERCENTILES = (50, 95, 99)
# Rows of one COPY TO, and lines of one COPY FROM, of 8 KiB.
LINE_BYTES = 8191
LINES = workloads.COPY_BYTES // (LINE_BYTES + 1)
COPY_OUT = f"copy (select repeat('x', {LINE_BYTES}) from generate_series(1, {LINES})) to stdout"
COPY_IN = "copy sink from stdin where x = ''"
LINES_AT_ONCE = 32
SYSTEM_CALL_SECONDS = 1
# Of an error, so that a line of the table keeps within what a line may have.
ERROR_LETTERS = 60
# The least that a run with 200 clients takes: pgbench counts the time in which they connect.
FAIR_SECONDS = 5
# How much longer than the point reads the bulk results beside them go on.
BULK_SECONDS_MORE = 30


def once(workload, running, seconds, base):
    """Measures, and returns a dictionary: `error`, or tps, transactions, cpu_us, latencies in ms, memory in KiB."""
    try:
        if isinstance(workload, workloads.Copy):
            return _copies(workload, running, seconds)
        if isinstance(workload, workloads.Idle):
            return _idle(workload, running, seconds, base)
        if isinstance(workload, workloads.Fair):
            return _beside_bulk(workload, running, seconds, base)
        return _pgbench(workload, running, seconds, base)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)[:ERROR_LETTERS]}


def system_calls(workload, running, base):
    """System calls of the middleware per transaction; None where they cannot be counted."""
    if not running.pid:
        return None
    with system.SystemCalls(running.pid) as calls:
        result = once(workload, running, SYSTEM_CALL_SECONDS, base)
    if calls.count is None or "error" in result:
        return None
    return calls.count / result["transactions"]


def _result(running, before, transactions, tps, latencies):
    """Puts a measurement together. `latencies` are sorted, in milliseconds."""
    if transactions == 0:
        return {"error": "no transaction was finished"}
    result = {"transactions": transactions, "tps": tps}
    for percent in PERCENTILES:
        at = min(len(latencies) - 1, len(latencies) * percent // 100)
        result[f"p{percent}"] = latencies[at] if latencies else None
    if running.pid:
        result["cpu_us"] = (system.cpu_seconds(running.pid) - before) / transactions * 1e6
        result["pss_kib"], result["rss_kib"] = system.memory_kib(running.pid)
    return result


def _cpu(running):
    return system.cpu_seconds(running.pid) if running.pid else 0


def _pgbench(workload, running, seconds, base):
    prefix = f"{base}/latency"
    command = [f"{system.postgres_folder()}/pgbench", "-h", "127.0.0.1", "-p", str(running.port), "-U", "postgres",
               "-n", "-j", "2", "-T", str(seconds), "-l", f"--log-prefix={prefix}",
               f"--sampling-rate={workload.sampled}", *workload.arguments]
    if workload.script:
        with open(f"{base}/script.sql", "w") as file:
            file.write(workload.script)
        command += ["-f", f"{base}/script.sql"]
    before = _cpu(running)
    said = subprocess.run([*command, "postgres"], capture_output=True, text=True, timeout=seconds * 10 + 60,
                          start_new_session=True, check=False)
    count = re.search(r"number of transactions actually processed: (\d+)", said.stdout)
    tps = re.search(r"^tps = ([\d.]+)", said.stdout, re.M)
    latencies = _latencies(prefix)
    if said.returncode or not count or not tps:
        finished = count and int(count.group(1))
        lines = said.stderr.strip().splitlines() or [f"pgbench ended with {said.returncode}, {finished} transactions"]
        return {"error": lines[-1][:ERROR_LETTERS]}
    return _result(running, before, int(count.group(1)), float(tps.group(1)), latencies)


def _beside_bulk(workload, running, seconds, base):
    """The CPU time is left out: the transactions of two kinds cannot be told apart in it."""
    seconds = max(seconds, FAIR_SECONDS)
    with open(f"{base}/bulk.sql", "w") as file:
        file.write("select * from wide;\n")
    bulk = subprocess.Popen(
        [f"{system.postgres_folder()}/pgbench", "-h", "127.0.0.1", "-p", str(running.port), "-U", "postgres", "-n",
         "-c", "2", "-T", str(seconds + BULK_SECONDS_MORE), "-f", f"{base}/bulk.sql", "postgres"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        result = _pgbench(workload, running, seconds, base)
    finally:
        bulk.terminate()
        bulk.wait()
    result.pop("cpu_us", None)
    return result


def _latencies(prefix):
    """The latencies that pgbench wrote down, in milliseconds, sorted. Its files are removed."""
    found = []
    for path in glob.glob(f"{prefix}.*"):
        with open(path) as file:
            found += [int(line.split()[2]) / 1000 for line in file]
        os.remove(path)
    return sorted(found)


def _copies(workload, running, seconds):
    line = client.message(b"d", b"x" * LINE_BYTES + b"\n")
    one = client.Client(running.port)
    before, began, latencies = _cpu(running), time.monotonic(), []
    while time.monotonic() - began < seconds:
        started = time.monotonic()
        if workload.out:
            one.copy_out(COPY_OUT)
        else:
            one.copy_in(COPY_IN, line * LINES_AT_ONCE, LINES // LINES_AT_ONCE)
        latencies.append((time.monotonic() - started) * 1000)
    tps = len(latencies) / (time.monotonic() - began)
    result = _result(running, before, len(latencies), tps, sorted(latencies))
    one.close()
    return result


def _idle(workload, running, seconds, base):
    """The memory of `idle_kib` is what one idle client adds, shared between it and its connection to the server."""
    empty = system.memory_kib(running.pid)[0] if running.pid else 0
    waiting = []
    try:
        for _ in range(workload.count):
            one = client.Client(running.port)
            one.query("select 1;")
            waiting.append(one)
        full = system.memory_kib(running.pid)[0] if running.pid else 0
        result = _pgbench(workload, running, seconds, base)
    finally:
        for one in waiting:
            one.close()
    if "error" not in result and running.pid:
        result["idle_kib"] = (full - empty) / workload.count
        result["idle_mib"] = full / 1024
    return result
