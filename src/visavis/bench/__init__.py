"""What this machine can do, measured: `visavis bench`. Figures of known machines are in benchmarks/README.md."""

from visavis.bench.run import SUITES, Report, run

__all__ = ["SUITES", "Report", "run"]
