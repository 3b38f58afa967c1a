"""What stands between clients and servers, and how each is started in a scene.

A scene is a set of servers (the first is the primary) and the way to them. Each middleware gets the same number of
connections and as little else to do as it can be told: no TLS, no checks of clients, no log of connections.
"""

import os
import shutil

import goals
import servers
import system

# Connections that a middleware may hold to one server; the servers allow a few more.
POOL = 300


class Scene:
    """Servers, and whether they are reached through Unix sockets. `clients` is how many may come."""

    def __init__(self, nodes, unix=False, clients=POOL):
        self.nodes = nodes
        self.unix = unix
        self.clients = clients

    def hosts(self):
        """Host and port of each server, as PostgreSQL's own clients name them."""
        return [(node.sockets if self.unix else "127.0.0.1", node.port) for node in self.nodes]

    def endpoints(self):
        """The address of each server, a path or HOST:PORT."""
        return [servers.socket_path(node) if self.unix else f"127.0.0.1:{node.port}" for node in self.nodes]


class Middleware:
    """One middleware. `cannot` says why it takes no part in a workload; `only` are the workloads that it is there for,
    when they are not all and it was not asked for by name; `on_demand`: only when it is asked for."""

    def __init__(self, name, programs=(), cannot=None, on_demand=False, only=()):
        self.name = name
        self.programs = programs
        self.cannot = cannot or {}
        self.on_demand = on_demand
        self.only = only

    def takes_part(self, workload):
        """True when the workload is for it."""
        return not self.only or workload in self.only

    def is_there(self):
        """True when all programs are installed."""
        return all(system.program(name) for name in self.programs)

    def start(self, scene, base):
        """Starts it in a folder of its own and waits until it listens."""
        folder = f"{base}/{self.name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        system.give(folder)
        port = system.free_port()
        process = system.spawn(self.command(scene, folder, port), f"{folder}/log")
        running = Running(self.name, port, process)
        try:
            system.wait_for(f"{self.name} to listen", lambda: process.poll() is None and system.listens(port), 30)
        except SystemExit:
            running.stop()
            with open(f"{folder}/log") as file:
                raise SystemExit(f"{self.name} does not listen:\n{file.read()[-2000:]}") from None
        return running

    def command(self, scene, folder, port):
        """Writes the configuration and returns the command."""
        raise NotImplementedError


class Running:
    """A middleware that listens on `port`; the direct connection has no process."""

    def __init__(self, name, port, process=None):
        self.name = name
        self.port = port
        self.process = process
        self.pid = process and process.pid

    def stop(self):
        """Ends it."""
        if self.process:
            system.stop(self.process)


class PgBouncer(Middleware):
    """PgBouncer, which always talks to one server."""

    def __init__(self, mode):
        cannot = {}
        if mode == "transaction" and _pgbouncer_version() < (1, 21):
            cannot = {"prepared16": "not in this version", "prepared64": "not in this version"}
        super().__init__("pgbouncer" if mode == "session" else "pgbouncer-tx", ["pgbouncer"], cannot)
        self.mode = mode

    def command(self, scene, folder, port):
        host, server_port = scene.hosts()[0]
        pool = 64 if self.mode == "transaction" else scene.clients
        with open(f"{folder}/users", "w") as file:
            file.write('"postgres" ""\n')
        with open(f"{folder}/ini", "w") as file:
            file.write(f"[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                       f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
                       f"pool_mode = {self.mode}\nmax_client_conn = 12000\ndefault_pool_size = {pool}\n"
                       "ignore_startup_parameters = extra_float_digits\nlog_connections = 0\nlog_disconnections = 0\n")
            if _pgbouncer_version() >= (1, 21):
                file.write("max_prepared_statements = 100\n")
        return [system.program("pgbouncer"), f"{folder}/ini"]


def _pgbouncer_version():
    words = system.version(["pgbouncer", "--version"]).split()
    parts = words[-1].split(".") if words else []
    return tuple(int(part) for part in parts[:2]) if all(part.isdigit() for part in parts[:2]) else (0, 0)


class HaProxy(Middleware):
    """HAProxy as a relay of TCP connections, which knows nothing of PostgreSQL."""

    def __init__(self):
        super().__init__("haproxy", ["haproxy"])

    def command(self, scene, folder, port):
        nodes = "".join(f" server s{i} {'unix@' if scene.unix else ''}{where}\n"
                        for i, where in enumerate(scene.endpoints()))
        with open(f"{folder}/cfg", "w") as file:
            file.write("defaults\n mode tcp\n timeout connect 5s\n timeout client 600s\n timeout server 600s\n"
                       f"listen pg\n bind 127.0.0.1:{port}\n maxconn 12000\n balance leastconn\n{nodes}")
        return [system.program("haproxy"), "-db", "-f", f"{folder}/cfg"]


def pgpool_conf(scene, folder, port, places, more):
    """The configuration that Pgpool-II and pgherd both read."""
    lines = {
        "backend_clustering_mode": "'streaming_replication'", "listen_addresses": "'127.0.0.1'", "port": port,
        "unix_socket_directories": f"'{folder}'", "pcp_port": system.free_port(), "pcp_socket_dir": f"'{folder}'",
        "pid_file_name": f"'{folder}/pid'", "logdir": f"'{folder}'", "num_init_children": places, "max_pool": 2,
        "load_balance_mode": "on", "sr_check_user": "'postgres'", "sr_check_period": 0, "health_check_period": 0,
        "enable_pool_hba": "off", "child_life_time": 0,
    }
    for i, (host, node_port) in enumerate(scene.hosts()):
        lines |= {f"backend_hostname{i}": f"'{host}'", f"backend_port{i}": node_port, f"backend_weight{i}": 1}
    lines |= more
    path = f"{folder}/pgpool.conf"
    with open(path, "w") as file:
        file.writelines(f"{name} = {value}\n" for name, value in lines.items())
    return path


class Pgpool(Middleware):
    """Pgpool-II: a process per client, so thousands of clients are beyond it."""

    def __init__(self):
        too_many = "a process per client"
        super().__init__("pgpool2", ["pgpool"], dict.fromkeys(["fair200", "idle1000", "idle10000"], too_many))

    def command(self, scene, folder, port):
        path = pgpool_conf(scene, folder, port, 80, {"memory_cache_enabled": "off"})
        return [system.program("pgpool"), "-n", "-f", path, "-F", f"{folder}/pcp.conf", "-D"]

    def start(self, scene, base):
        running = super().start(scene, base)
        # It listens before its children do.
        system.wait_for("Pgpool-II's children", lambda: len(system.tree(running.pid)) > 80)
        return running


class Pgherd(Middleware):
    """What all of this is about, with one event loop; as `pgherd-2`, with two; as `pgherd-epoll`, with epoll."""

    def __init__(self, program, name="pgherd", more=None, only=(), on_demand=False):
        super().__init__(name, only=only, on_demand=on_demand)
        self.program = program
        self.more = more or {}

    def command(self, scene, folder, port):
        path = pgpool_conf(scene, folder, port, scene.clients, {"work_dir": f"'{folder}'"} | self.more)
        return [self.program, "-n", "-f", path, "-F", f"{folder}/pcp.conf"]


class Floor(Middleware):
    """A relay of this folder: the same kind of event loop as pgherd's, and nothing of a session."""

    def __init__(self, program, driver, on_demand=False):
        super().__init__(f"floor-{driver}", on_demand=on_demand)
        self.program = program
        self.driver = driver

    def command(self, scene, folder, port):
        return [self.program, self.driver, f"127.0.0.1:{port}", *scene.endpoints()]


def all_of(pgherd, floor, settings):
    """Every middleware there is, in the order of the tables. `settings` are further ones of pgherd."""
    one, two = ({"event_threads": count} | settings for count in (1, 2))
    return [PgBouncer("session"), PgBouncer("transaction"), HaProxy(), Pgpool(), Pgherd(pgherd, more=one),
            Pgherd(pgherd, "pgherd-2", two, ["simple16", "simple64"]),
            Pgherd(pgherd, "pgherd-epoll", one | {"io_driver": "epoll"}, goals.COMPARED),
            Floor(floor, "epoll"), Floor(floor, "uring"), Floor(floor, "uring-single", on_demand=True),
            Floor(floor, "uring-direct", on_demand=True)]
