"""The rule of a blessing: its bounds, and what they do."""

from __future__ import annotations

from dataclasses import dataclass

# The bounds. What they do, of 10,000 simulated evaluations each (`python -m proof.gate_power`, the whole table in
# proof/gate_power.md); typically 1 % of the pictures are right with the int8 file only:
#
#   blocked when                        500 pictures   10,000   50,000 (1000 classes)
#   the files are equally good               0.00 %    0.00 %    0.00 %
#   the drop is the margin, 1 point          0.14 %    0.03 %    0.23 %   (the bound's level: 0.1 %)
#   the drop is 2 points                     2.30 %   98.27 %  100.00 %
#   the drop is 3 points                    14.87 %  100.00 %  100.00 %
#   the drop is 5 points                    69.87 %  100.00 %  100.00 %
#   one class of 80 % is dead              100.00 %  100.00 %   99.97 %
#   one class of 45 % is dead               91.26 %  100.00 %   43.72 %   (50 pictures against 1000 hypotheses)
#
# Against the last release, of which only the counts are known, and with 5 % of the pictures right now only:
#   equally good, or the drop is the margin  0.00 %    0.00 %    0.00 %
#   the drop is 2 points                     0.00 %    1.12 %   90.79 %
#   the drop is 3 points                     0.01 %   71.47 %  100.00 %
#   the drop is 5 points                     0.79 %  100.00 %  100.00 %
#   the drop is 10 points                   60.69 %  100.00 %  100.00 %
MARGIN = 0.01  # Of the pictures: how far the int8 file may truly be under the float model.
CLASS_MARGIN = 0.05  # Of a class's pictures: losses that are not held against it.
VISIBLE_DROP = 0.05  # There must be pictures enough to see this one.
MAX_LOST = 0.0  # Of the classes: how many may lose more, or never be found.
MAX_CALIBRATION_ERROR = 0.25  # Expected: how far confidence may lie from the share of right answers.
ALPHA = 0.001  # Of the drop's bound, and family-wise of the classes.


@dataclass(frozen=True)
class Rule:
    """The numbers of the rule, all of them fractions of 1."""

    floor: float = 0.0  # The least top-1 of the int8 file; 0 leaves it to the data, by what fitness shows.
    margin: float = MARGIN
    class_margin: float = CLASS_MARGIN
    max_lost: float = MAX_LOST
    max_calibration_error: float = MAX_CALIBRATION_ERROR
    visible_drop: float = VISIBLE_DROP
    alpha: float = ALPHA
    accept_small: bool = False  # Too few pictures to see `visible_drop` do not block: the release says so.

    def __post_init__(self) -> None:
        wanted = 0 <= self.floor <= 1 and 0 <= self.margin < self.visible_drop <= 1
        shares = (self.class_margin, self.max_lost, self.max_calibration_error)
        if not (wanted and all(0 <= share <= 1 for share in shares) and 0 < self.alpha < 0.5):
            raise ValueError(f"got {self}: wanted fractions of 1, margin under visible_drop, and alpha under 0.5.")
