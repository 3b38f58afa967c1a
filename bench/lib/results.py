"""What was measured, and the ratios that follow from it."""

import statistics

OURS = "pgherd"
OURS_ON_EPOLL = "pgherd-epoll"
BOUNCERS = ("pgbouncer", "pgbouncer-tx")


class Results:
    """All rounds of all workloads. A round is a dictionary that `measure.once` made."""

    def __init__(self):
        self.rounds = {}
        self.calls = {}

    def add(self, workload, name, result):
        """Notes one round."""
        self.rounds.setdefault(workload, {}).setdefault(name, []).append(result)

    def names(self, workload):
        """The middlewares that took part."""
        return list(self.rounds.get(workload, {}))

    def values(self, workload, name, key):
        """A figure of each round; None for the rounds that failed or do not have it."""
        return [one.get(key) for one in self.rounds.get(workload, {}).get(name, [])]

    def median(self, workload, name, key):
        """The median over the rounds; None when no round has the figure."""
        values = [value for value in self.values(workload, name, key) if value is not None]
        return statistics.median(values) if values else None

    def largest(self, workload, name, key):
        """The largest of the rounds: for memory, which later rounds find in place already."""
        return max((value for value in self.values(workload, name, key) if value is not None), default=None)

    def error(self, workload, name):
        """Why the last round that failed did."""
        errors = [error for error in self.values(workload, name, "error") if error]
        return errors[-1] if errors else None

    def ratio(self, workload, key, others, best=min, name=OURS):
        """Our figure divided by the best of others, round by round; the median of that. None where one is missing."""
        ratios = []
        for at, mine in enumerate(self.values(workload, name, key)):
            theirs = [values[at] for other in others if at < len(values := self.values(workload, other, key))]
            theirs = [value for value in theirs if value]
            if mine is not None and theirs:
                ratios.append(mine / best(theirs))
        return statistics.median(ratios) if ratios else None
