"""Processes, their CPU time and memory, packages, and the machine."""

import ctypes
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

# Debian's package for each program that is asked for.
PACKAGES = {
    "pgbouncer": "pgbouncer",
    "pgpool": "pgpool2",
    "haproxy": "haproxy",
    "postgres": "postgresql",
    "perf": "linux-perf",
}
# Programs that are not in everybody's PATH.
MORE_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"]
PR_SET_PDEATHSIG = 1
HZ = os.sysconf("SC_CLK_TCK")


def postgres_folder():
    """The folder of the newest PostgreSQL's programs, or None."""
    places = [f"/usr/lib/postgresql/{version}/bin" for version in range(30, 12, -1)]
    places += ["/usr/local/pgsql/bin", *os.environ.get("PATH", "").split(":")]
    for place in places:
        if os.access(f"{place}/initdb", os.X_OK) and os.access(f"{place}/pgbench", os.X_OK):
            return place
    return None


def program(name):
    """The path of a program, or None."""
    if name == "postgres":
        folder = postgres_folder()
        return folder and f"{folder}/postgres"
    return shutil.which(name) or shutil.which(name, path=":".join(MORE_FOLDERS))


def ensure(names):
    """Installs what is missing, with apt-get where that is possible, and says so."""
    missing = [PACKAGES[name] for name in names if program(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.getuid() != 0:
        print(f"missing, in Debian's names: {' '.join(missing)}; they are left out", file=sys.stderr)
        return
    print(f"installing {' '.join(missing)}", file=sys.stderr)
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    # Debian starts servers as they are installed; those would be in the way, and are not ours to use.
    policy = "/usr/sbin/policy-rc.d"
    ours = not os.path.exists(policy)
    if ours:
        with open(policy, "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, **quiet)
    finally:
        if ours:
            os.remove(policy)


def raise_limit_of_files(wanted):
    """Lets this process and what it starts open `wanted` files. Returns how many the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def unprivileged(command):
    """The command as the user `postgres` when we are root: servers refuse to run as root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def give(path):
    """Makes a path the servers' own."""
    if os.getuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(command, log):
    """Starts a server in a session of its own, so that the scheduler's groups treat all alike."""
    with open(log, "ab") as file:
        return subprocess.Popen(unprivileged(command), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                start_new_session=True, preexec_fn=_die_with_parent)


def stop(process, how=signal.SIGTERM):
    """Ends a process that was started here, and waits for it."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for pid in reversed(tree(process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        process.wait(10)


def free_port():
    """A TCP port of the loopback that nobody listens on, outside the range of outgoing connections."""
    low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
    for port in range(low - 1, 10_000, -1):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise SystemExit("no free port")


_given = set()


def wait_for(what, condition, seconds=60):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.05)


def listens(port):
    """True when somebody takes connections on a port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def tree(pid):
    """A process and all its descendants."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        fields = _stat(entry)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    todo, found = [pid], []
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def _stat(pid):
    """The fields of /proc/PID/stat from the third on; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def cpu_seconds(pid):
    """User and system time of a process tree, of children that have ended and been waited for too."""
    seconds = 0
    for each in tree(pid):
        fields = _stat(each)
        if fields:
            # utime and stime, in whole ticks, which is nothing where many processes have done little; the scheduler
            # knows nanoseconds, of threads that are there.
            seconds += max(sum(map(int, fields[11:13])) / HZ, _scheduled_seconds(each))
            # cutime and cstime.
            seconds += sum(map(int, fields[13:15])) / HZ if each == pid else 0
    return seconds


def _scheduled_seconds(pid):
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    except OSError:
        # It has just ended, or the kernel does not tell.
        pass
    return total / 1e9


def memory_kib(pid):
    """Proportional and resident set size of a process tree, in KiB."""
    pss = rss = 0
    for each in tree(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup") as file:
                sizes = dict(line.split()[:2] for line in file.readlines()[1:])
        except OSError:
            continue
        pss += int(sizes.get("Pss:", 0))
        rss += int(sizes.get("Rss:", 0))
    return pss, rss


class SystemCalls:
    """Counts the system calls of a process tree while it is entered, with perf. `count` is None without it."""

    def __init__(self, pid):
        self.count = None
        self.pids = ",".join(map(str, tree(pid)))

    def __enter__(self):
        perf = program("perf")
        self.perf = perf and subprocess.Popen(
            [perf, "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", self.pids],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if self.perf:
            time.sleep(0.3)
        return self

    def __exit__(self, *_):
        if self.perf:
            self.perf.send_signal(signal.SIGINT)
            fields = self.perf.communicate()[1].split(",")
            self.count = int(fields[0]) if fields[0].isdigit() else None


def version(command):
    """The first line that a program prints about itself."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "absent"
    return ((said.stdout or said.stderr).splitlines() or ["?"])[0].strip()


def describe():
    """The machine, as lines of text."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    virtual = "hypervisor" in open("/proc/cpuinfo").read()
    load = os.getloadavg()[0]
    busy = "; the machine was busy, so take differences of a tenth for nothing" if load > os.cpu_count() / 2 else ""
    return [
        f"{os.cpu_count()} processors{' of a virtual machine' if virtual else ''}: {models[0] if models else '?'}",
        f"{memory:.0f} GiB of memory; {platform.system()} {platform.release()}",
        f"load before the run: {load:.2f}{busy}",
    ]
