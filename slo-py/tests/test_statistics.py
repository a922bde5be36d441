"""The statistics against scipy, tails included; against mpmath where scipy loses digits."""

import math

import mpmath
import pytest
import scipy.special
import scipy.stats
import slo
from slo import forecast, stats

COUNTS = [(0, 1), (1, 1), (0, 10), (1, 10), (9, 10), (10, 10), (1, 1_000), (5, 1_000), (144, 10_000), (3, 10**6),
          (499_000, 10**6), (10**6, 10**9)]  # fmt: skip
LEVELS = [0.5, 0.9, 0.95, 0.999]


def close(ours, theirs, relative=1e-10, absolute=0.0):
    __tracebackhide__ = True
    assert math.isclose(ours, theirs, rel_tol=relative, abs_tol=absolute), f"{ours!r} is not {theirs!r}"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("bad", "total"), COUNTS)
def test_proportions(bad, total, level):
    counts = {"total": total, "bad": bad, "confidence": level}
    half = (1 - level) / 2
    # Near zero, scipy's subtraction leaves rounding of the size of a double at 1.
    theirs = scipy.stats.binomtest(bad, total).proportion_ci(level, method="wilson")
    for end, expected in zip(stats.wilson(**counts), theirs, strict=True):
        close(end, expected, 1e-9, 1e-15)
    low, high = stats.jeffreys(**counts)
    good = total - bad
    # (scipy's own interval, by binomtest, ends its search at 1e-12.)
    exact = stats.clopper_pearson(**counts)
    close(exact[0], scipy.special.betaincinv(bad, good + 1, half) if bad else 0.0, 1e-9)
    close(exact[1], scipy.special.betainccinv(bad + 1, good, half) if good else 1.0, 1e-9)
    close(low, scipy.special.betaincinv(bad + 0.5, good + 0.5, half) if bad else 0.0, 1e-9)
    close(high, scipy.special.betainccinv(bad + 0.5, good + 0.5, half) if good else 1.0, 1e-9)


def test_one_of_a_billion():
    # scipy's inverse is off in the eighth digit here; P(X ≥ 1) and P(X ≤ 1) are written down at once.
    low, high = (mpmath.mpf(end) for end in stats.clopper_pearson(total=10**9, bad=1))
    with mpmath.workdps(40):
        n = mpmath.mpf(10**9)
        close(float(1 - (1 - low) ** n), 0.025, 1e-12)
        close(float((1 - high) ** n + n * high * (1 - high) ** (n - 1)), 0.025, 1e-12)


def test_no_events_have_no_interval():
    for function in [stats.wilson, stats.clopper_pearson, stats.jeffreys, stats.confidence_sequence]:
        assert function(total=0, bad=0) is None
    assert stats.newcombe((0, 0), (5, 1)) is None
    assert stats.compare((5, 1), (0, 0)) is None


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [0, 1, 5, 10, 1_000, 10**6])
def test_rates(count, level):
    half = (1 - level) / 2
    low, high = stats.garwood(count, exposure=2.5, confidence=level)
    close(low, scipy.special.gammaincinv(count, half) / 2.5 if count else 0.0)
    close(high, scipy.special.gammainccinv(count + 1, half) / 2.5)
    close(stats.rate_at_most(count, confidence=level), scipy.special.gammainccinv(count + 1, 1 - level))


@pytest.mark.parametrize(("first", "second"), [((12, 90.0), (5, 90.0)), ((3, 1.0), (40, 7.0)), ((0, 1.0), (9, 1.0))])
def test_rate_increase(first, second):
    both, share = first[0] + second[0], first[1] / (first[1] + second[1])
    close(stats.rate_increase_p_value(first, second), scipy.stats.binomtest(first[0], both, share, "greater").pvalue)


@pytest.mark.parametrize(
    ("m", "trials", "p"),
    [(1, 10, 0.01), (2, 70, 0.001), (50, 100, 0.5), (900, 10**5, 0.006), (1_200, 10**6, 0.001),
     (100, 200, 1e-3), (60, 10**6, 1e-9), (150, 150, 0.01), (10**6, 10**9, 0.000_99)],
)  # fmt: skip
def test_binomial_tails(m, trials, p):
    close(stats.binomial_at_least(m, trials=trials, p=p), scipy.special.betainc(m, trials - m + 1, p), 1e-11)


@pytest.mark.parametrize(
    ("m", "mean"), [(1, 1e-300), (1, 0.05), (160, 1.0), (50, 1.0), (10**6, 1e6), (10**6, 9.9e5), (3, 700.0)]
)
def test_poisson_tails(m, mean):
    # scipy keeps ten digits of the tail at a million.
    close(stats.poisson_at_least(m, mean=mean), scipy.special.gammainc(m, mean), 1e-9)
    with mpmath.workdps(40):
        theirs = mpmath.gammainc(m, 0, mpmath.mpf(mean), regularized=True)
    close(stats.poisson_at_least(m, mean=mean), float(theirs), 1e-11)


@pytest.mark.parametrize(
    ("x", "a", "b"), [(0.001, 1.5, 999.5), (0.5, 0.5, 0.5), (0.9, 3, 300), (0.03, 20.5, 10**4), (0.0012, 1e3, 1e6)]
)
def test_beta_tails(x, a, b):
    # mpmath subtracts from one: it needs the digits that the tail leaves.
    with mpmath.workdps(400):
        theirs = mpmath.betainc(a, b, mpmath.mpf(x), 1, regularized=True)
    close(stats.beta_above(x, a=a, b=b), float(theirs), 1e-11)
    close(stats.beta_above(x, a=a, b=b), scipy.special.betaincc(a, b, x), 1e-10)


def test_tails_reach_as_far_as_doubles():
    # P(X ≥ 150) of 150 at 1 % is 1e-300.
    close(stats.binomial_at_least(150, trials=150, p=0.01), 1e-300, 1e-12)
    close(stats.poisson_at_least(1, mean=1e-300), 1e-300)
    close(stats.beta_above(1 - 1e-3, a=1, b=100), 1e-300, 1e-9)
    assert 0 < stats.poisson_at_least(166, mean=1.0) < 1e-290


@pytest.mark.parametrize(
    ("m", "all_", "marked", "drawn"),
    [(3, 200, 3, 100), (15, 10_000, 20, 5_000), (1, 50, 5, 10), (40, 10**6, 50, 10**5), (0, 10, 5, 5),
     (400, 2_000, 1_000, 1_000), (90, 10**7, 100, 10**6)],
)  # fmt: skip
def test_hypergeometric_tails(m, all_, marked, drawn):
    ours = stats.hypergeometric_at_least(m, all=all_, marked=marked, drawn=drawn)
    with mpmath.workdps(40):
        ways = [mpmath.binomial(marked, k) * mpmath.binomial(all_ - marked, drawn - k)
                for k in range(m, min(marked, drawn) + 1)]  # fmt: skip
        theirs = mpmath.fsum(ways) / mpmath.binomial(all_, drawn)
    close(ours, float(theirs), 1e-11)


@pytest.mark.parametrize(
    ("m", "trials", "a", "b"), [(71, 50_000, 30.5, 49_970.5), (51, 50_000, 50.5, 49_950.5), (5, 9, 1, 1), (2, 40, 0.5, 8),
                                (300, 10**6, 10.5, 99_990.5)]
)  # fmt: skip
def test_beta_binomial_tails(m, trials, a, b):
    # Not against scipy: its own sum loses the sixth digit of the first case, and the fifth of the last.
    with mpmath.workdps(30):
        a, b = mpmath.mpf(a), mpmath.mpf(b)
        term = mpmath.binomial(trials, m) * mpmath.beta(m + a, trials - m + b) / mpmath.beta(a, b)
        sum_, k = mpmath.mpf(0), m
        while k <= trials and term > sum_ * mpmath.mpf(10) ** -25:
            sum_ += term
            if k < trials:
                term *= mpmath.mpf(trials - k) * (k + a) / ((k + 1) * (trials - k - 1 + b))
            k += 1
    close(stats.beta_binomial_at_least(m, trials=trials, a=float(a), b=float(b)), float(sum_), 1e-10)


PAIRS = [((5_000, 5), (5_000, 15)), ((100, 0), (100, 3)), ((10**6, 900), (10**5, 140)), ((7, 7), (9, 0))]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_samples(first, second):
    (n1, x1), (n2, x2) = first, second
    table = [[x2, n2 - x2], [x1, n1 - x1]]
    close(stats.fisher_p_value(first, second), scipy.stats.fisher_exact(table, "greater").pvalue)
    one, two = (scipy.stats.binomtest(x, n).proportion_ci(0.95, "wilson") for n, x in (first, second))
    p1, p2 = x1 / n1, x2 / n2
    low, high = stats.newcombe(first, second)
    close(low, p2 - p1 - math.hypot(p2 - two.low, one.high - p1))
    close(high, p2 - p1 + math.hypot(two.high - p2, p1 - one.low))
    # The z test is the square root of chi-square without Yates' correction.
    chi = scipy.stats.chi2_contingency(table, correction=False).statistic
    close(abs(stats.two_proportion_z(first, second)), math.sqrt(chi), 1e-9)


@pytest.mark.parametrize("margin", [0.0, 0.0005])
@pytest.mark.parametrize(("first", "second"), [*PAIRS[:3], ((100, 1), (10**7, 10**5)), ((10, 0), (10**6, 10**3)), ((10**7, 10**5), (100, 1))])
def test_probability_worse(first, second, margin):
    (n1, x1), (n2, x2) = first, second
    before = scipy.stats.beta(x1 + 0.5, n1 - x1 + 0.5)
    after = scipy.stats.beta(x2 + 0.5, n2 - x2 + 0.5)
    # Over the quantiles of the narrower one, so that nothing is singular or steep.
    if before.var() < after.var():
        theirs = scipy.integrate.quad(lambda u: after.sf(before.ppf(u) + margin), 0, 1, epsabs=1e-12, limit=500)[0]
    else:
        theirs = scipy.integrate.quad(lambda u: before.cdf(after.ppf(u) - margin), 0, 1, epsabs=1e-12, limit=500)[0]
    close(stats.probability_worse(first, second, margin=margin), theirs, 1e-7, 1e-9)


def test_comparison():
    assert stats.compare((50_000, 50), (50_000, 55), margin=0.001) == ("not degraded", None)
    assert stats.compare((5_000, 5), (5_000, 500), margin=0.001) == ("degraded", None)
    verdict, needed = stats.compare((500, 0), (500, 1), margin=0.001)
    assert verdict == "inconclusive" and needed > 0
    assert stats.events_per_arm(0.001, 0.002) == 18_519


@pytest.mark.parametrize(("total", "bad"), [(10, 2), (1_000, 5), (10**6, 1_200), (50, 50), (50, 0)])
@pytest.mark.parametrize("p0", [0.001, 0.3])
def test_evidence(total, bad, p0):
    good = total - bad
    # mpmath subtracts from one: it needs the digits that a tail of 1e-150 leaves.
    with mpmath.workdps(250):
        p, a, b = mpmath.mpf(p0), bad + 1, good + 1
        both = mpmath.log(mpmath.beta(a, b)) - bad * mpmath.log(p) - good * mpmath.log(1 - p)
        # betainc runs out of terms for a million events; its continued fraction is not needed there.
        if total < 10**5:
            above = mpmath.betainc(a, b, p, 1, regularized=True) / (1 - p)
            close(stats.mixture_evidence(total=total, bad=bad, p0=p0), float(both + mpmath.log(above)), 1e-10, 1e-10)
    close(stats.mixture_evidence(total=total, bad=bad, p0=p0, one_sided=False), float(both), 1e-10, 1e-9)


@pytest.mark.parametrize(("bad", "total"), [(10, 1_000), (100, 10_000), (1, 3), (999, 1_000), (0, 40), (40, 40), (2, 10**9)])
def test_confidence_sequences(bad, total):
    low, high = stats.confidence_sequence(total=total, bad=bad)
    # At its ends, the two-sided evidence is exactly ln(1/α).
    for end in [end for end in (low, high) if 0 < end < 1]:
        evidence = stats.mixture_evidence(total=total, bad=bad, p0=end, one_sided=False)
        close(evidence, -math.log(0.05), 1e-7)
    assert low <= bad / total <= high
    assert (low == 0) == (bad == 0) and (high == 1) == (bad == total)


@pytest.mark.parametrize(("count", "exposure", "rate"), [(5, 1.0, 1.0), (0, 3.0, 0.2), (400, 10.0, 33.0)])
def test_rate_evidence(count, exposure, rate):
    with mpmath.workdps(30):
        mixed = mpmath.quad(lambda l: mpmath.exp(-l) * (l / rate) ** count * mpmath.exp((rate - l) * exposure),
                            [0, rate, 2 * rate, 8 * rate + 8, mpmath.inf])  # fmt: skip
    close(stats.rate_evidence(count, exposure=exposure, rate=rate), float(mpmath.log(mixed)), 1e-9, 1e-9)


def test_sequential_test():
    test = stats.Sprt(0.001, 0.0144, alpha=0.01, beta=0.1)
    close(test.upper, math.log(0.9 / 0.01))
    assert (test.bad_in_a_row, test.good_in_a_row) == (2, 170)
    assert [test.decide(total=n, bad=x) for n, x in [(2, 2), (100, 0), (170, 0)]] == ["worse", "continue", "not worse"]
    likelihood = 3 * math.log(14.4) + 97 * (math.log1p(-0.0144) - math.log1p(-0.001))
    close(test.evidence(total=100, bad=3), likelihood)


@pytest.mark.parametrize("factor", ["36", "14.4", "6", "3", "2", "1.5", "1.1"])
@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-6])
def test_fewest_bad_events(factor, alpha):
    m, k = stats.fewest_bad_events(factor, alpha=alpha), float(factor)
    tail = scipy.special.gammainc(range(max(m - 3, 1), m + 200), [i / k for i in range(max(m - 3, 1), m + 200)])
    first = next(i for i, p in enumerate(tail) if all(rest <= alpha for rest in tail[i:]))
    assert m == max(m - 3, 1) + first


@pytest.mark.parametrize(
    ("rate", "long", "short", "long_needs", "short_needs"),
    [(0.001, 3_600, 300, 6, 2), (0.0002, 3_600, 300, 2, 1), (0.002, 21_600, 1_800, 55, 7), (0.001, 3_600, 300, 30, 10)],
)
def test_false_starts(rate, long, short, long_needs, short_needs):
    poisson = scipy.stats.poisson

    def joint(m_long, m_short):
        inside = range(m_short, m_short + 400)
        rest = poisson.sf([m_long - j - 1 for j in inside], rate * (long - short))
        return math.fsum(poisson.pmf(inside, rate * short) * rest)

    theirs = rate * (joint(long_needs - 1, short_needs - 1) - joint(long_needs, short_needs))
    ours = stats.false_starts_per_second(
        bad_rate=rate, long=f"{long}s", short=f"{short}s", long_needs=long_needs, short_needs=short_needs
    )
    # scipy's side is a difference of nearly equal numbers.
    close(ours, theirs, 1e-9, 1e-18)


def test_a_release_is_judged_as_the_command_does():
    """By Wald's likelihood ratio with Ville's inequality, computed here from its definition."""
    test = stats.ReleaseTest("99.9%")
    allowed, harmful = test.error_ratios
    assert (allowed, harmful) == (pytest.approx(0.001), pytest.approx(0.006))
    for total, bad in [(5_000, 4), (500, 5), (600, 0), (1_000, 3), (0, 0)]:
        found = test.alone(total=total, bad=bad)
        health = (total - bad) * math.log((1 - allowed) / (1 - harmful)) + bad * math.log(allowed / harmful)
        assert found.p_if_harmful == pytest.approx(min(1, math.exp(-health)), rel=1e-9)
        assert found.p_if_good == pytest.approx(min(1, math.exp(health)), rel=1e-9)
        assert (found.verdict == "fail") == (found.p_if_good <= 0.01) and (found.verdict == "pass") == (found.p_if_harmful <= 0.05)
        assert found.events_needed is None or found.verdict == "inconclusive"
    assert test.beside([((900, 300), (100, 34))]).verdict == "pass"
    assert test.beside([((900, 1), (100, 8))]).verdict == "fail"
    assert test.after((20_000, 180), (2_000, 17)).verdict == "pass"
    assert test.alone(total=1, bad=0) == test.alone(total=1, bad=0) != test.alone(total=2, bad=0)
    for wrong in (lambda: stats.ReleaseTest("100%"), lambda: stats.ReleaseTest("99%", false_fail=0.0), lambda: test.alone(total=1, bad=2)):
        with pytest.raises(ValueError):
            wrong()


def test_low_traffic():
    assert stats.events_to_stay_silent("0.0144", bad=3) == 209
    for objective, percent in [("99%", 0.99), ("99.9%", 0.999), ("99.999%", 0.99999)]:
        events = stats.events_to_demonstrate(objective)
        assert percent**events <= 0.05 < percent ** (events - 1)
    close(stats.firing_probability("0.006", events=500, error_ratio=0.001), scipy.stats.binom.sf(3, 500, 0.001))
    close(stats.burn_above(total=1_000, bad=5, objective="99.9%"), scipy.stats.beta.sf(0.001, 5.5, 995.5))
    m, mean, p95 = stats.erlang_detection(long="1h", threshold="0.0144", traffic="0.1", error_ratio=1.0)
    assert (m, mean) == (6, 60.0)
    close(p95, scipy.stats.gamma.ppf(0.95, 6, scale=10))
    blocks = [(100, 3), (200, 1), (150, 9), (80, 0)]
    n, x = [total for total, _ in blocks], [bad for _, bad in blocks]
    table = [x, [total - bad for total, bad in blocks]]
    chi = scipy.stats.chi2_contingency(table, correction=False).statistic
    assert sum(n) == 530
    close(stats.design_effect(blocks), chi / 3)


def test_cusum():
    close(stats.best_allowance(0.001, 0.0144), 0.0134 / math.log(14.4))
    # The chain over states 0, ½, …, 3, with binomial batches.
    import numpy

    for p in [0.001, 0.0144]:
        moves = numpy.eye(7)
        for state in range(7):
            for bad in range(20):
                to = max(0, state + 2 * bad - 1)
                if to < 7:
                    moves[state, to] -= scipy.stats.binom.pmf(bad, 100, p)
        theirs = numpy.linalg.solve(moves, numpy.ones(7))[0]
        close(stats.average_run_length(events=100, error_ratio=p, allowed="0.5", threshold=3), theirs, 1e-9)


def test_run_lengths_keep_their_digits():
    # Of 1e15 batches and more: 60 digits, since a matrix near the singular loses as many as that.
    with mpmath.workdps(60):
        p, batch = mpmath.mpf("0.001"), 100
        pmf = [mpmath.binomial(batch, b) * p**b * (1 - p) ** (batch - b) for b in range(batch + 1)]
        for threshold in [12, 15, 20]:
            states = 2 * threshold + 1
            moves = mpmath.eye(states)
            for state in range(states):
                for bad, chance in enumerate(pmf):
                    to = max(0, state + 2 * bad - 1)
                    if to < states:
                        moves[state, to] -= chance
            theirs = mpmath.lu_solve(moves, mpmath.ones(states, 1))[0]
            ours = stats.average_run_length(events=100, error_ratio=0.001, allowed="0.5", threshold=threshold)
            close(ours, float(theirs), 1e-10)
    with pytest.raises(slo.SloError, match="never alarms"):
        stats.average_run_length(events=10, error_ratio=0.1, allowed=20, threshold=3)


@pytest.mark.parametrize("n", [10**11, 10**13, 10**16, 10**18])
def test_counts_beyond_all_traffic(n):
    # P(Poisson(n) ≥ n) is ½ + 1/(3√(2πn)) and less than the error of a double; the interval is n ± 1.96 √n.
    close(stats.poisson_at_least(n, mean=float(n)), 0.5 + 1 / (3 * math.sqrt(2 * math.pi * n)), 1e-10)
    low, high = stats.garwood(n)
    close((n - low) / math.sqrt(n), 1.96, 1e-3)
    close((high - n) / math.sqrt(n), 1.96, 1e-3)
    low, high = stats.clopper_pearson(total=n, bad=n // 2)
    close((high - low) * math.sqrt(n), 1.96, 1e-3)
    assert 0 < forecast.exhaustion_probability("99.9%", total=1_000, bad=1, future=n) < 1


@pytest.mark.parametrize("n", [10**6, 10**8, 10**11, 10**14])
@pytest.mark.parametrize("bad", [0, 1, 10**5])
def test_one_of_two_is_worse(n, bad):
    # Whatever the counts, one of them is; and the far counts follow on from those near.
    one, other = (n, bad), (10 * n, 10 * bad)
    close(stats.probability_worse(one, other) + stats.probability_worse(other, one), 1.0, 1e-9)
    if bad == 0:
        close(stats.probability_worse(one, other), 0.194982229, 1e-6)


def test_extreme_numbers_are_numbers():
    close(stats.beta_binomial_at_least(20_000_000, trials=20_000_000, a=1e6, b=1e-3), 1 - 0.00303989, 1e-4)
    both = [stats.beta_binomial_at_least(m, trials=10_000_001, a=1e-3, b=1e-3) for m in (1, 10_000_001)]
    close(sum(both), 1.0, 1e-9)
    for mean in [1e60, 1e160, 1e300]:
        assert stats.poisson_at_least(2 * 10**10, mean=mean) == 1.0
    two_of_all = stats.hypergeometric_at_least(2, all=2**63 + 4, marked=2**63 + 2, drawn=3)
    close(two_of_all, 1.0)
    with pytest.raises(slo.SloError, match="too many to be summed"):
        stats.hypergeometric_at_least(2**60, all=2**62, marked=2**61, drawn=2**61)
    close(stats.rate_increase_p_value((1, 1e308), (1, 1e308)), 0.75)
    close(stats.best_allowance(1e-300, 1e300), 1e300 / (600 * math.log(10)))
    close(stats.beta_binomial_at_least(2**40, trials=2**41, a=1, b=1), 0.5, 1e-9)
    assert stats.events_to_stay_silent(6e-05) == 16_667
    assert stats.erlang_detection(long="1h", threshold="0.0144", traffic="50/3600", error_ratio=1.0)[0] == 1


def test_restore_times():
    before, after = [12.0, 45.0, 30.0, 240.0, 18.0, 60.0], [20.0, 15.0, 41.0, 33.0, 90.0]
    ratio, (low, high) = stats.compare_restore_times(before, after)
    welch = scipy.stats.ttest_ind([math.log(t) for t in after], [math.log(t) for t in before], equal_var=False)
    interval = welch.confidence_interval(0.95)
    close(low, math.exp(interval.low))
    close(high, math.exp(interval.high))
    close(ratio, scipy.stats.gmean(after) / scipy.stats.gmean(before))
    with pytest.raises(slo.SloError, match="4 incidents are too few for a trend"):
        stats.compare_restore_times(before, after[:4])


def test_toil():
    answers = [(10.0, 40.0), (25.0, 40.0), (12.0, 32.0), (8.0, 40.0), (20.0, 38.0), (5.0, 40.0)]
    share, (low, high) = stats.toil(answers, confidence=0.9, seed=3)
    close(share, 80 / 230)
    theirs = scipy.stats.bootstrap(
        tuple(zip(*answers, strict=True)), lambda toil, hours: sum(toil) / sum(hours),
        paired=True, vectorized=False, confidence_level=0.9, method="percentile", rng=1, n_resamples=9_999,
    ).confidence_interval  # fmt: skip
    # Two resamplings by chance: their ends differ by less than a percent of toil.
    close(low, theirs.low, 0, 0.01)
    close(high, theirs.high, 0, 0.01)
    assert stats.toil(answers, seed=3) == stats.toil(answers, seed=3) != stats.toil(answers, seed=4)


@pytest.mark.parametrize(("rate", "spend"), [(2.0, 0.3), (0.5, 0.01), (40.0, 0.02)])
def test_survival_of_equal_incidents_is_poisson(rate, spend):
    ours = forecast.survival(rate=rate, spends=[(spend, 1.0)], grid=spend)
    close(ours, scipy.stats.poisson.cdf(math.floor(1 / spend + 1e-9), rate))


def test_survival_by_convolution():
    import numpy

    one = numpy.zeros(101)
    one[[5, 20, 60]] = [0.6, 0.3, 0.1]
    total, power = numpy.zeros(101), numpy.zeros(101)
    power[0] = 1.0
    for n in range(40):
        total += scipy.stats.poisson.pmf(n, 3.0) * power
        power = numpy.convolve(power, one)[:101]
    close(forecast.survival(rate=3, spends=[(0.05, 0.6), (0.2, 0.3), (0.6, 0.1)], grid=0.01), total.sum())


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.wilson(total=1, bad=2),
        lambda: stats.wilson(total=2, bad=1, confidence=95.0),
        lambda: stats.garwood(1, exposure=0.0),
        lambda: stats.binomial_at_least(1, trials=2, p=math.nan),
        lambda: stats.poisson_at_least(1, mean=math.inf),
        lambda: stats.beta_above(0.5, a=0.0, b=1.0),
        lambda: stats.Sprt(0.01, 0.01, alpha=0.1, beta=0.1),
        lambda: stats.mixture_evidence(total=1, bad=0, p0=0.0),
        lambda: stats.toil([(1.0, 2.0)]),
        lambda: stats.fewest_bad_events("fast"),
        lambda: stats.fewest_bad_events(-2),
        lambda: stats.fewest_bad_events(math.nan),
        lambda: stats.toil([(1e308, 1e308)] * 2),
        lambda: stats.rate_evidence(0, exposure=1e308, rate=1e308),
        lambda: stats.beta_above(0.5, a=1e308, b=1e308),
        lambda: forecast.survival(rate=1e120, spends=[(0.1, 1.0)]),
        lambda: forecast.survival(rate=1, spends=[(0.1, 0.5)]),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(slo.SloError):
        call()
