"""Does it stay good? Three sessions that speak for half an hour, and a subscriber for each: `visavis bench --soak`."""

from visavis.bench.soak.report import Row, SoakReport
from visavis.bench.soak.run import soak

__all__ = ["Row", "SoakReport", "soak"]
