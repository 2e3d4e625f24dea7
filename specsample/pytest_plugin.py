"""The pytest plugin: a fixture that judges samplers, and two options.

    def test_my_verifier(lossless):
        lossless(from_verify(my_verify), eps=0.05)

pytest imports a plugin at every start, wherever this package is installed, so the kit itself is imported when a test
asks for it.
"""

from collections.abc import Callable
from typing import Any

import pytest

PROBE = "specsample_probe"
ALPHA = 1e-6  # as `check` has it


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; what a test says itself goes before them."""
    group = parser.getgroup("specsample", "lossless sampling (specsample)")
    group.addoption("--specsample-eps", type=float, metavar="TV", help="deviation that a PASS excludes (0.02)")
    group.addoption("--specsample-seed", type=int, metavar="N", help="seed of all that is drawn (0)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make of a test that asks for `specsample_probe` one for each shipped probe, whose name is its id."""
    if PROBE in metafunc.fixturenames:
        from specsample.conformance.pack.packed import load_probes

        metafunc.parametrize(PROBE, [probe.name for probe in load_probes()])


@pytest.fixture
def lossless(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Fail the test unless a sampler gets PASS: `lossless(adapter, **settings)`, settings as for `check`.

    The report is attached to the failure; JUnit's properties get the verdict and what it rests on. A test that asks
    for `specsample_probe` too is asked that probe alone, with its own share of the error budget: all of them together
    raise a false alarm with probability `alpha` at most.
    """

    def judge(adapter: Any, **settings: Any) -> Any:
        __tracebackhide__ = True  # the line of the test is shown, not ours
        from specsample.conformance.ci import headline, properties
        from specsample.conformance.kit import check

        found = check(adapter, **asked(request, settings))
        request.node.user_properties += properties(found).items()
        if found.verdict != "PASS":
            request.node.add_report_section("call", "specsample", str(found))
            raise AssertionError(headline(found))
        return found

    return judge


def asked(request: pytest.FixtureRequest, settings: dict[str, Any]) -> dict[str, Any]:
    """Put together what `check` is asked: the options, what the test says, and its probe if it has one."""
    options = {name: request.config.getoption(f"specsample_{name}") for name in ("eps", "seed")}
    settings = {name: value for name, value in options.items() if value is not None} | settings
    if PROBE not in request.fixturenames:
        return settings
    from specsample.conformance.pack.packed import load_probes

    probe = next(each for each in load_probes() if each.name == request.getfixturevalue(PROBE))
    return settings | {"probes": [probe.name], "alpha": settings.get("alpha", ALPHA) * probe.weight}
