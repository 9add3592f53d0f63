"""Lin's concordance correlation coefficient as his 1989 paper has it, with Python's own exact fractions.

Slow, and independent of ours.
"""

from fractions import Fraction


def exact_ccc(x: list[float], y: list[float]) -> float:
    xs, ys = [Fraction(value) for value in x], [Fraction(value) for value in y]
    n = len(xs)
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(xs, ys, strict=True)) / n
    variance_x = sum((a - mean_x) ** 2 for a in xs) / n
    variance_y = sum((b - mean_y) ** 2 for b in ys) / n
    denominator = variance_x + variance_y + (mean_x - mean_y) ** 2
    return float(2 * covariance / denominator) if covariance else 0.0
