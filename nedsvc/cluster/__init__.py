"""Where one machine ends: documents in Spark's data frames, and in files that Spark reads and writes."""

from nedsvc.cluster.frames import annotate

__all__ = ["annotate"]
