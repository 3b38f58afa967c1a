"""The PostgreSQL servers behind the middlewares."""

import os
import signal
import subprocess

import system

SCALE = 10
# The accounts of that scale.
ACCOUNTS = SCALE * 100_000
SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
max_connections = 1200
shared_buffers = 512MB
autovacuum = off
logging_collector = off
max_wal_senders = 10
max_wal_size = 8GB
hot_standby = on
"""
TABLES = [
    # 1,000 and 200,000 rows of four columns.
    "create table wide as select g id, repeat(md5(g::text), 4) t, g * 1.5 n, now() ts "
    "from generate_series(1, 200000) g",
    "create index on wide (id)",
    # COPY into it is filtered out, so that the disk has no part in it.
    "create table sink (x text)",
    "analyze",
    "checkpoint",
]


class Server:
    """One PostgreSQL server in a folder of its own."""

    def __init__(self, base, name):
        self.folder = f"{base}/{name}"
        self.port = system.free_port()
        self.sockets = base
        self.bin = system.postgres_folder()
        self.process = None

    def run(self, tool, *arguments):
        """Runs one of PostgreSQL's programs and waits for it."""
        quiet = subprocess.DEVNULL
        subprocess.run(system.unprivileged([f"{self.bin}/{tool}", *arguments]), check=True, stdout=quiet, stderr=quiet)

    def client(self, tool, *arguments):
        """Runs a client program on this server."""
        self.run(tool, "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", *arguments, "postgres")

    def launch(self):
        """Starts the server and waits for it."""
        with open(f"{self.folder}/postgresql.conf", "a") as file:
            file.write(f"port = {self.port}\nunix_socket_directories = '{self.sockets}'\n")
        command = [f"{self.bin}/postgres", "-D", self.folder]
        self.process = system.spawn(command, f"{self.folder}.log")
        ask = [f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        system.wait_for("PostgreSQL", lambda: subprocess.run(ask, check=False).returncode == 0)

    def stop(self):
        """Stops the server, sessions or not."""
        if self.process:
            system.stop(self.process, signal.SIGINT)


def primary(base):
    """A new server with the tables of all workloads."""
    server = Server(base, "primary")
    server.run("initdb", "-D", server.folder, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
    with open(f"{server.folder}/postgresql.conf", "a") as file:
        file.write(SETTINGS)
    server.launch()
    server.client("pgbench", "-i", "-q", "-s", str(SCALE))
    server.client("psql", "-q", *[part for table in TABLES for part in ("-c", table)])
    return server


def standby(base, of, number):
    """A new standby of a primary."""
    server = Server(base, f"standby{number}")
    server.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(of.port), "-U", "postgres", "-D", server.folder, "-R",
               "--no-sync", "--checkpoint=fast")
    server.launch()
    return server


class Stub:
    """A server that answers every query with one row and costs next to nothing, for thousands of connections."""

    def __init__(self, base, floor):
        self.port = system.free_port()
        self.sockets = None
        self.process = system.spawn([floor, "stub", f"127.0.0.1:{self.port}"], f"{base}/stub.log")
        system.wait_for("the stub server", lambda: system.listens(self.port))

    def stop(self):
        """Stops it."""
        system.stop(self.process)


def socket_path(server):
    """The Unix socket of a server."""
    return os.path.join(server.sockets, f".s.PGSQL.{server.port}")
