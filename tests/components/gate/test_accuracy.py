"""The counts that pass and those that do not, and what is said about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from components.evaluation.paired_statistics import class_p_values, drop_lower_bound, holm, pictures_needed
from components.evaluation.scores import PairedCounts
from components.gate.accuracy import judge
from components.gate.rule import Rule

RULE = Rule(floor=0.5)


def counts(*, pictures: int, right: float, lost: float = 0.0, gained: float = 0.0, classes: int = 10) -> PairedCounts:
    """Evenly over the classes 1…N; of all pictures, `right` with both models, `lost` and `gained` with one."""
    each = pictures // classes

    def column(share: float) -> np.ndarray:
        spread = np.full(classes + 1, round(share * pictures) // classes, np.int64)
        spread[0] = 0
        spread[1 : 1 + round(share * pictures) % classes] += 1
        return spread

    both, baseline, candidate = column(right), column(lost), column(gained)
    total = np.array([0, *[each] * classes])
    return PairedCounts(both, baseline, candidate, total - both - baseline - candidate)


@pytest.mark.parametrize(
    ("case", "blessed"),
    [
        ({"pictures": 500, "right": 0.86}, True),
        ({"pictures": 500, "right": 0.84, "lost": 0.02, "gained": 0.02}, True),
        ({"pictures": 500, "right": 0.80, "gained": 0.05}, True),
        ({"pictures": 500, "right": 0.80, "lost": 0.06, "gained": 0.01}, False),
        ({"pictures": 500, "right": 0.80, "lost": 0.04, "gained": 0.01}, True),
        ({"pictures": 10_000, "right": 0.80, "lost": 0.020, "gained": 0.010}, True),
        ({"pictures": 10_000, "right": 0.80, "lost": 0.028, "gained": 0.010}, False),
        ({"pictures": 50_000, "right": 0.65, "lost": 0.040, "gained": 0.031, "classes": 1000}, True),
        ({"pictures": 50_000, "right": 0.65, "lost": 0.047, "gained": 0.031, "classes": 1000}, False),
        ({"pictures": 50, "right": 0.86}, False),
        ({"pictures": 500, "right": 0.49}, False),
    ],
    ids=[
        "equal",
        "as-many-gained-as-lost",
        "better",
        "500-five-points-down",
        "500-three-points-down-cannot-be-told",
        "10000-at-the-margin",
        "10000-beyond",
        "50000-within",
        "50000-beyond",
        "too-few",
        "under-the-floor",
    ],
)
def test_rule(case, blessed):
    assert judge(counts(**case), RULE).passed is blessed


def test_too_few_pictures_are_accepted_where_that_is_asked_for_and_the_evidence_is_called_insufficient():
    few, enough = counts(pictures=50, right=0.86), counts(pictures=500, right=0.86)
    accepting = Rule(floor=0.5, accept_small=True)
    refused, accepted = judge(few, RULE), judge(few, accepting)
    assert (refused.passed, accepted.passed) == (False, True)
    assert refused.facts["evidence"] == accepted.facts["evidence"] == "insufficient"
    assert accepted.sentence.startswith(
        "Not shown to be as good as the float model: 50 pictures are too few to see a drop of 5.00 points: 383 are"
    )
    assert judge(enough, accepting).facts["evidence"] == "sufficient"
    assert judge(enough, accepting).sentence == judge(enough, RULE).sentence


def test_few_pictures_that_show_a_drop_are_refused_whatever_is_accepted():
    dropped = counts(pictures=100, right=0.6, lost=0.3)
    verdict = judge(dropped, Rule(floor=0.5, accept_small=True))
    assert not verdict.passed and "too few" not in verdict.sentence


def test_the_sentence_for_a_blessing_has_the_numbers():
    verdict = judge(counts(pictures=500, right=0.84, lost=0.02, gained=0.01), RULE)
    assert verdict.sentence == (
        "top-1 85 % against the float model's 86 % on 500 pictures (10 lost, 5 gained), which does not show a drop "
        "of more than 1.00 points (lower bound -1.81 points); no class is lost, the floor of 50 % is kept, and there "
        "is no other release to compare with."
    )


def test_a_drop_is_told_with_its_bound():
    verdict = judge(counts(pictures=10_000, right=0.80, lost=0.03, gained=0.01), RULE)
    assert verdict.sentence == (
        "The int8 file is worse than the float model by more than 1.00 points: top-1 81 % against the float model's "
        "83 % on 10000 pictures (300 lost, 100 gained), and with 99.9 % confidence the drop is at least 1.40 points."
    )


def test_too_few_pictures_say_how_many_are_needed():
    verdict = judge(counts(pictures=50, right=0.86), RULE)
    assert verdict.sentence == "50 pictures are too few to see a drop of 5.00 points: 383 are needed."
    assert verdict.facts["pictures_needed"] == 383


def test_no_pictures_at_all_are_too_few():
    none = np.zeros(11, np.int64)
    verdict = judge(PairedCounts(none, none, none, none), RULE)
    assert (verdict.passed, verdict.sentence) == (False, "There are no pictures to compare on; 383 are needed.")


def test_a_low_top1_is_told_with_the_floor():
    verdict = judge(counts(pictures=500, right=0.49), RULE)
    assert verdict.sentence == "The int8 file's top-1 of 49 % is under the floor of 50 %."


def test_a_release_that_was_better_beyond_chance_is_held_against_the_file():
    release = {"version": "7", "pictures": 10_000, "top1": 0.9, "drop_lower_bound": 0.035}
    verdict = judge(counts(pictures=10_000, right=0.85), RULE, release=release)
    assert verdict.sentence == (
        "The int8 file is worse than release 7 by more than 1.00 points: top-1 85 % against 90 %, and with 99.9 % "
        "confidence the drop is at least 3.50 points."
    )


def test_a_release_that_is_not_shown_to_be_better_is_named_with_its_bound():
    release = {"version": "7", "pictures": 500, "top1": 0.86, "drop_lower_bound": -0.06}
    verdict = judge(counts(pictures=500, right=0.85), RULE, release=release)
    assert verdict.sentence.endswith(
        "and no drop of more than 1.00 points from the 86 % of release 7 is shown (lower bound -6.00 points)."
    )
    assert verdict.facts["release"] == release


@pytest.mark.parametrize(
    ("pictures", "classes", "right"), [(500, 10, 0.8), (10_000, 10, 0.9), (50_000, 1000, 0.6)], ids=str
)
def test_one_dead_class_is_blocked_and_named(pictures, classes, right):
    pairs = counts(pictures=pictures, right=right, classes=classes)
    pairs.only_baseline[7], pairs.both_right[7] = pairs.both_right[7], 0
    verdict = judge(pairs, RULE, labels=["background", *(f"name {i}" for i in range(1, classes + 1))])
    each = pictures // classes
    assert not verdict.passed
    assert f"class 7 (name 7): 0 of {each} right, the float model {round(right * each)}, p = " in verdict.sentence
    assert [lost["index"] for lost in verdict.facts["lost_classes"]] == [7]


def test_a_share_of_the_classes_may_lose_where_somebody_says_so():
    pairs = counts(pictures=10_000, right=0.8, classes=100)
    lost, both = pairs.only_baseline.copy(), pairs.both_right.copy()
    lost[1], both[1] = both[1], 0
    pairs = PairedCounts(both, lost, pairs.only_candidate, pairs.both_wrong)
    [fault] = judge(pairs, Rule()).faults
    assert "--class-margin and --max-lost" in fault
    evidence = judge(pairs, Rule(max_lost=0.01))
    assert evidence.passed and "1 of 100 classes are lost, which may be" in evidence.sentence
    assert not judge(pairs, Rule(max_lost=0.009)).passed


def test_of_many_dead_classes_the_first_five_are_told():
    pairs = counts(pictures=10_000, right=0.9)
    pairs.only_baseline[1:9], pairs.both_right[1:9] = pairs.both_right[1:9].copy(), 0
    verdict = judge(pairs, RULE)
    assert "8 classes lose more than 5.00 points, beyond chance: class 1 (1): 0 of 1000" in verdict.sentence
    assert "class 5 (5)" in verdict.sentence and "; and 3 more." in verdict.sentence
    assert "class 6" not in verdict.sentence
    assert len(verdict.facts["lost_classes"]) == 8


per_class = st.lists(st.tuples(*[st.integers(0, 200)] * 4), min_size=1, max_size=12)


@given(per_class)
def test_equal_models_are_blocked_by_too_few_pictures_or_the_floor_alone(rows):
    right, _, _, wrong = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    pairs = PairedCounts(right, np.zeros_like(right), np.zeros_like(right), wrong)
    verdict = judge(pairs, Rule(floor=0.0))
    assert verdict.passed is (pairs.pictures >= 383)


@given(per_class, st.integers(0, 11), st.integers(1, 50))
def test_losing_more_pictures_never_helps(rows, index, more):
    pairs = PairedCounts(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))
    index %= len(rows)
    more = min(more, int(pairs.both_right[index]))
    worse = np.zeros_like(pairs.both_right)
    worse[index] = more
    after = PairedCounts(pairs.both_right - worse, pairs.only_baseline + worse, pairs.only_candidate, pairs.both_wrong)
    assert judge(after, RULE).passed <= judge(pairs, RULE).passed


@pytest.mark.parametrize("bad", [{"floor": 1.5}, {"floor": 0.5, "margin": 0.05}, {"floor": 0.5, "alpha": 0.0}])
def test_a_rule_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match="wanted fractions of 1, margin under visible_drop"):
        Rule(**bad)


@pytest.mark.parametrize(("lost", "gained", "pictures"), [(12, 2, 50), (0, 0, 50), (30, 5, 500), (3, 9, 500)])
def test_at_the_bound_the_likeliest_shares_are_just_rejected(lost, gained, pictures):
    """Tango's definition, with the likelihood maximized by search in place of his closed form."""
    bound = drop_lower_bound(only_baseline=lost, only_candidate=gained, pictures=pictures, alpha=0.001)

    def unlikelihood(gain: float) -> float:
        shares = np.array([gain + bound, gain, 1 - 2 * gain - bound])
        seen = [lost, gained, pictures - lost - gained]
        return -float(stats.multinomial.logpmf(seen, pictures, shares / shares.sum()))

    limits = (max(0.0, -bound) + 1e-12, (1 - bound) / 2 - 1e-12)
    gain = optimize.minimize_scalar(unlikelihood, bounds=limits, method="bounded", options={"xatol": 1e-10}).x  # pyright: ignore[reportAttributeAccessIssue]
    score = (lost - gained - pictures * bound) / np.sqrt(pictures * (2 * gain + bound - bound**2))
    assert score == pytest.approx(stats.norm.ppf(0.999), abs=1e-3)


def test_class_p_values_are_mcnemars_exact_ones():
    lost, gained = np.array([9, 3, 0, 30]), np.array([2, 3, 0, 1])
    exact = [float(stats.binomtest(b, b + c, 0.5, alternative="greater").pvalue) for b, c in [(9, 2), (3, 3), (25, 1)]]
    found = class_p_values(only_baseline=lost, only_candidate=gained, forgiven=np.array([0, 0, 5, 5]))
    np.testing.assert_allclose(found, [exact[0], exact[1], 1.0, exact[2]], rtol=1e-12)


def test_holm_steps_down():
    p_values = np.array([0.0004, 1e-5, 0.5, 2e-4])
    assert holm(p_values, alpha=0.001).tolist() == [True, True, False, True]
    assert holm(np.array([6e-4, 6e-4]), alpha=0.001).tolist() == [False, False]
    assert holm(np.array([]), alpha=0.001).tolist() == []


def test_the_bundled_eval_split_is_enough_and_fifty_pictures_are_not():
    assert 50 < pictures_needed(margin=0.01, drop=0.05, alpha=0.001) == 383 < 500
