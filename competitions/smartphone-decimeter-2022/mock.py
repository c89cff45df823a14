import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import with_gaps

from .position import SAMPLE_POSITION

CLOCK = (
    "TimeNanos", "LeapSecond", "FullBiasNanos", "BiasNanos", "BiasUncertaintyNanos", "DriftNanosPerSecond",
    "DriftUncertaintyNanosPerSecond", "HardwareClockDiscontinuityCount",
)  # fmt: skip
SIGNAL = (
    "TimeOffsetNanos", "State", "ReceivedSvTimeNanos", "ReceivedSvTimeUncertaintyNanos", "Cn0DbHz",
    "PseudorangeRateMetersPerSecond", "PseudorangeRateUncertaintyMetersPerSecond", "AccumulatedDeltaRangeState",
    "AccumulatedDeltaRangeMeters", "AccumulatedDeltaRangeUncertaintyMeters", "CarrierFrequencyHz", "MultipathIndicator",
)  # fmt: skip
ARRIVAL = ("ChipsetElapsedRealtimeNanos", "ArrivalTimeNanosSinceGpsEpoch", "RawPseudorangeMeters")
DERIVED = (
    "ReceivedSvTimeNanosSinceGpsEpoch", *(f"SvPosition{axis}EcefMeters" for axis in "XYZ"), "SvElevationDegrees",
    "SvAzimuthDegrees", *(f"SvVelocity{axis}EcefMetersPerSecond" for axis in "XYZ"), "SvClockBiasMeters",
    "SvClockDriftMetersPerSecond", "IsrbMeters", "IonosphericDelayMeters", "TroposphericDelayMeters",
    *(f"WlsPosition{axis}EcefMeters" for axis in "XYZ"),
)  # fmt: skip
PHONES = ("GooglePixel4XL", "GooglePixel5", "SamsungGalaxyS20Ultra", "XiaomiMi8")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    dates = pd.Timestamp("2020-05-15") + pd.to_timedelta(np.sort(rng.choice(700, 12, replace=False)), unit="D")
    drives = [f"{date:%Y-%m-%d}-US-{place}-{number}" for date in dates for number, place in ((1, "MTV"), (2, "LAX"))]
    trips = [(drive, phone) for drive in drives for phone in rng.choice(PHONES, rng.integers(1, 3), replace=False)]
    seconds = max(3, size // len(trips))
    for drive, phone in trips:
        write_trip(raw / "train" / drive / phone, rng, pd.Timestamp(drive[:10]), seconds, known=True)
    test = []
    for drive in ("2022-07-04-US-MTV-1", "2022-07-05-US-LAX-2"):
        times = write_trip(raw / "test" / drive / "XiaomiMi8", rng, pd.Timestamp(drive[:10]), seconds, known=False)
        test.append(pd.DataFrame({"tripId": f"{drive}-XiaomiMi8", "UnixTimeMillis": times, **SAMPLE_POSITION}))
    write_csv(pd.concat(test), raw / "sample_submission.csv")
    write_metadata(raw / "metadata")


def write_trip(folder: Path, rng: np.random.Generator, day: pd.Timestamp, seconds: int, *, known: bool) -> np.ndarray:
    start = int(day.timestamp() * 1000) + int(rng.integers(0, 80_000_000))
    # now and then a second is missing
    times = start + 1000 * np.cumsum(rng.choice([1, 1, 1, 3], seconds))
    path = np.array([37.4, -122.1]) + np.cumsum(rng.normal(0, 1e-4, (seconds, 2)), axis=0)
    write_csv(make_signals(rng, times), folder / "device_gnss.csv")
    write_csv(make_motion(rng, times), folder / "device_imu.csv")
    (folder / "supplemental").mkdir()
    header = "# \n# Header Description:\n# Raw,utcTimeMillis,TimeNanos\n# Fix,Provider,LatitudeDegrees,LongitudeDegrees\n"
    log = [f"Raw,{time},{time * 10**6}\nFix,GPS,{a:.8f},{b:.8f},12.3\n" for time, (a, b) in zip(times, path, strict=True)]
    (folder / "supplemental" / "gnss_log.txt").write_text(header + "".join(log) + f"Status,{start},5,0,1,3\n")
    rinex = f"gnss_rinex.{day:%y}o"
    (folder / "supplemental" / rinex).write_text(
        "     3.03           OBSERVATION DATA    M                   RINEX VERSION / TYPE\n"
    )
    if known:
        write_csv(make_truth(rng, times, path), folder / "ground_truth.csv")
        track = [f"$GPGGA,{time % 10**6},{a * 100:.7f},N,{-b * 100:.7f},W,4,12,0.8,23.1,M,-32.2,M,,*00\n" for time, (a, b) in
                 zip(times, path, strict=True)]  # fmt: skip
        (folder / "supplemental" / "span_log.nmea").write_text("".join(track))
    return times


def make_truth(rng: np.random.Generator, times: np.ndarray, path: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "MessageType": "Fix",
            "Provider": "GT",
            "LatitudeDegrees": path[:, 0],
            "LongitudeDegrees": path[:, 1],
            "AltitudeMeters": rng.normal(20, 9, len(times)).round(2),
            "SpeedMps": rng.uniform(0, 30, len(times)).round(3),
            "AccuracyMeters": 0.1,
            "BearingDegrees": rng.uniform(0, 360, len(times)).round(1),
            "UnixTimeMillis": times,
        }
    )


def make_signals(rng: np.random.Generator, times: np.ndarray) -> pd.DataFrame:
    rows = np.repeat(times, 2)
    count = len(rows)

    def numbers(names: tuple[str, ...]) -> dict[str, list[object]]:
        return {name: with_gaps(rng, rng.normal(0, 1e4, count)) for name in names}

    return pd.DataFrame(
        {
            "MessageType": "Raw",
            "utcTimeMillis": rows,
            **numbers(CLOCK),
            "Svid": rng.integers(1, 37, count),
            **numbers(SIGNAL),
            "ConstellationType": rng.choice([1, 3, 4, 5, 6], count),
            "CodeType": rng.choice(["C", "I", "Q"], count),
            **numbers(ARRIVAL),
            "SignalType": rng.choice(["GPS_L1", "GAL_E5A", "BDS_B1I"], count),
            **numbers(DERIVED),
        }
    )


def make_motion(rng: np.random.Generator, times: np.ndarray) -> pd.DataFrame:
    kinds = ("UncalAccel", "UncalGyro", "UncalMag")
    rows = np.repeat(times, len(kinds))
    return pd.DataFrame(
        {
            "MessageType": np.tile(kinds, len(times)),
            "utcTimeMillis": rows,
            "elapsedRealtimeNanos": (rows - rows[0]) * 10**6 + 10**9,
            **{f"Measurement{axis}": rng.normal(0, 9, len(rows)) for axis in "XYZ"},
            **{f"Bias{axis}MicroT": with_gaps(rng, rng.normal(0, 9, len(rows)), 0.4) for axis in "XYZ"},
        }
    )


def write_metadata(folder: Path) -> None:
    folder.mkdir()
    (folder / "accumulated_delta_range_state_bit_map.json").write_text(
        json.dumps({"0": "ADR_STATE_VALID", "1": "ADR_STATE_RESET"})
    )
    (folder / "raw_state_bit_map.json").write_text(json.dumps({"0": "STATE_CODE_LOCK", "3": "STATE_TOW_DECODED"}))
    (folder / "constellation_type_mapping.csv").write_text("constellationName,ConstellationType\nGPS,1\nGLONASS,3\nGALILEO,6\n")
