"""Reports by hand, in the shape that ``inguest.audit`` returns."""


def finding(verdict, control="dns-servers", resource="/etc/resolv.conf", severity="high", **more):
    """A finding as plain data."""
    return {
        "control": control,
        "family": control.split("-")[0],
        "severity": severity,
        "verdict": verdict,
        "resource": resource,
        "observed": None,
        "expected": None,
        "evidence": "",
        "comment": "",
        "changes": [],
        **more,
    }


def waiver(state, **more):
    """A waiver as the report lists it."""
    return {
        "control": "dns-servers",
        "resource": "*",
        "hosts": "web*",
        "reason": "until the move",
        "approver": "alice",
        "start": None,
        "expires": "2026-12-31T23:59:59Z",
        "state": state,
        "findings": 0,
        **more,
    }


def report(guest, *findings, waivers=()):
    """A report of these findings."""
    return {
        "schema": 1,
        "guest": guest,
        "root": "/",
        "time": "2026-11-23T10:00:00Z",
        "policy": "sha256:0",
        "facts": "sha256:0",
        "previous": None,
        "summary": {},
        "findings": list(findings),
        "waivers": list(waivers),
    }
