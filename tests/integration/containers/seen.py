"""Reading what Salt and inguest said."""


def state(answer):
    """The one state of a highstate's return."""
    assert isinstance(answer, dict), answer
    (result,) = answer.values()
    return result


def of(report, *verdicts):
    """``[(control, resource, observed)]`` of a report's findings with these verdicts."""
    assert isinstance(report, dict), report
    return [
        (f["control"], f["resource"], f["observed"])
        for f in report["findings"]
        if f["verdict"] in verdicts
    ]
