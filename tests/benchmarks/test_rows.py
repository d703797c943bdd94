"""From what was measured to rows that are judged."""

from dataclasses import replace

from benchmarks import end_to_end, fan_out, idle, targets
from benchmarks.end_to_end import PATHS, Sample, Samples
from benchmarks.table import Row

RATES = (100, 300, 1_000, 2_660, 8_000)
GOOD = Sample(per_s=8_000, subject_us=4.0, p50_ms=1.0, p99_ms=60.0)


def samples(**worse: float) -> Samples:
    """Three rounds at all rates; `worse` in the second one."""
    bad = replace(GOOD, **worse)
    return {(path.name, rate): [GOOD, bad, GOOD] for path in PATHS for rate in RATES}


def row(rows: list[Row], text: str) -> Row:
    [found] = [each for each in rows if text in each.what]
    return found


def test_every_target_of_the_advertisement_path_is_judged_where_all_rates_are_measured() -> None:
    rows = end_to_end.rows(samples())
    assert {each.verdict for each in rows} == {"ok"}
    wanted = [*targets.PROCESSOR_US.values()]
    wanted += 2 * [targets.P99_MS, targets.CALM_P50_MS, targets.NONE_LOST]
    wanted += 2 * [targets.STRESS_KEPT_PERCENT, targets.STRESS_DRIFT_MS]
    assert sorted(map(str, wanted)) == sorted(str(each.target) for each in rows)


def test_a_loss_at_any_rate_up_to_the_bound_of_the_radio_counts() -> None:
    found = samples()
    found["mgmt", 300] = [GOOD, replace(GOOD, lost=2), GOOD]
    rows = end_to_end.rows(found)
    assert row(rows, "mgmt, up to 2,660/s: lost").verdict == "missed"
    assert row(rows, "D-Bus, up to 2,660/s: lost").verdict == "ok"


def test_the_latency_of_a_round_is_that_of_its_worst_rate() -> None:
    found = samples()
    found["D-Bus", 1_000] = [replace(GOOD, p99_ms=111.0)] * 3
    latency = row(end_to_end.rows(found), "D-Bus, up to 2,660/s: worst p99")
    assert latency.values == [111.0] * 3
    assert latency.verdict == "missed"


def test_more_than_a_radio_can_hear_may_take_longer() -> None:
    found = samples()
    found["mgmt", 8_000] = [replace(GOOD, p99_ms=200.0, p50_ms=100.0, lost=1)] * 3
    assert {each.verdict for each in end_to_end.rows(found)} == {"ok"}


def test_a_queue_that_grows_under_stress_is_seen_on_either_side() -> None:
    late = samples()
    late["D-Bus", 8_000] = [replace(GOOD, drift_ms=40.0)] * 3
    assert row(end_to_end.rows(late), "D-Bus, 8,000/s: latency grown").verdict == "missed"
    held_up = samples()
    held_up["mgmt", 8_000] = [replace(GOOD, per_s=7_000)] * 3
    assert row(end_to_end.rows(held_up), "mgmt, 8,000/s: taken in").verdict == "missed"


def test_the_price_of_a_client_is_a_difference_within_each_round() -> None:
    def spent(*values: float) -> list[Sample]:
        return [replace(GOOD, subject_us=value) for value in values]

    crowds = {1: spent(10, 20), 3: spent(10, 20), 8: spent(13.5, 27)}
    rows = fan_out.rows("plaintext", crowds, lost=0)
    assert row(rows, "each further client").values == [0.5, 1.0]
    assert row(rows, "each further client").verdict == "ok"


def test_what_further_clients_lose_is_lost() -> None:
    crowds = {crowd: [GOOD] for crowd in fan_out.CROWDS}
    assert row(fan_out.rows("Noise", crowds, lost=3), "lost").verdict == "missed"


def test_only_silence_without_a_client_is_rest() -> None:
    woken = [idle.Rest(processor_percent=0.1, wake_ups_per_s=20.0)]
    assert [each.verdict for each in idle.rows("silence", woken, silent=True)] == ["ok", "missed"]
    assert [each.verdict for each in idle.rows("traffic", woken, silent=False)] == ["", ""]
