"""What is in the databases: three EFD-like topics, known row by row, and one thing that nobody may read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ROWS = 2_000
"""Of each topic; one a second."""
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
END = BEGIN + timedelta(seconds=ROWS)
DATABASE = "efd"
OTHER_DATABASE = "secret"
OTHER_MEASUREMENT = "payroll"

Field = Callable[[int], str]
"""What stands in a row, in InfluxDB's line protocol."""


def _ramp(row: int) -> str:
    return str(row / 10)


def _number(row: int) -> str:
    return f"{row}i"


def _index(row: int) -> str:
    return f"{1 + row % 2}i"


def _sensor(row: int) -> str:
    return f'"sensor {1 + row % 2}"'


def _tai(row: int) -> str:
    return str(BEGIN.timestamp() + 37 + row)


@dataclass(frozen=True)
class Topic:
    """One measurement."""

    name: str
    fields: dict[str, Field]

    def lines(self) -> Iterator[str]:
        """All rows, in InfluxDB's line protocol; times are in seconds."""
        begin = int(BEGIN.timestamp())
        for row in range(ROWS):
            fields = ",".join(f"{name}={field(row)}" for name, field in self.fields.items())
            yield f"{self.name} {fields} {begin + row}"


AZIMUTH = Topic(
    "lsst.sal.MTMount.azimuth",
    {"actualPosition": _ramp, "demandPosition": _ramp, "private_seqNum": _number, "salIndex": _index},
)
TEMPERATURE = Topic(
    "lsst.sal.ESS.temperature",
    {"temperatureItem0": _ramp, "temperatureItem1": _ramp, "sensorName": _sensor, "salIndex": _index},
)
PACKED = Topic(
    "lsst.sal.MTM1M3.accelerometerData",
    {**{f"rawAccelerometer{sample}": _ramp for sample in range(5)}, "cRIO_timestamp": _tai},
)
TOPICS = (AZIMUTH, TEMPERATURE, PACKED)
