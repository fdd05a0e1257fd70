"""The policy: defaults of the families, overlaid by the pillar, checked before anything runs."""

import datetime as dt
import fnmatch
from collections.abc import Mapping
from dataclasses import field, replace

from inguestlib import schema as s
from inguestlib import secrets
from inguestlib.model import SEVERITIES, Verdict, digest
from inguestlib.record import record

MODES = ("enforce", "audit", "off")
_TIME = "%Y-%m-%dT%H:%M:%SZ"

WAIVER = s.Struct(
    {
        "control": s.Str(s.REQUIRED, help="the id of the control that is waived"),
        "resource": s.Str("*", help="a shell pattern of the resources meant"),
        "hosts": s.Str("*", help="a shell pattern of the minion ids meant"),
        "reason": s.Str(
            s.REQUIRED, r".*\S.*", help="why this drift is accepted", wanted="a reason"
        ),
        "approver": s.Str(s.REQUIRED, r".*\S.*", help="who accepted it", wanted="a name"),
        "start": s.Timestamp(None, help="from when on it counts (UTC)"),
        "expires": s.Timestamp(s.REQUIRED, end_of_day=True, help="until when it counts (UTC)"),
    }
)

CONFIRM = s.Struct(
    {
        "window": s.Int(
            120,
            10,
            3600,
            help="seconds in which a change that could cut the guest off is undone "
            "unless it is confirmed",
        ),
        "without_timer": s.Choice(
            ("allow", "refuse"),
            "allow",
            help="whether such a change is made where no systemd could undo it without the minion",
        ),
        "masterless": s.Choice(
            ("verify", "by_hand"),
            "verify",
            help="without a master: verify the change only, or wait for inguest.confirm by hand",
        ),
    }
)

REVISION = s.Str(None, r"\S{1,100}", help="the git revision of the states; reports name it")


class PolicyInvalid(ValueError):
    """The policy can't be used. ``problems`` holds every :class:`inguestlib.schema.Problem`."""

    def __init__(self, problems):
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"the policy has {count} mistake{'s' if count > 1 else ''}; nothing was done:"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))


@record
class Waiver:
    """An accepted drift: of which control and resources, where, why, by whom, and until when."""

    control: str
    resource: str
    hosts: str
    reason: str
    approver: str
    start: str | None
    expires: str

    def state(self, host, now):
        """``active``, ``elsewhere`` (other hosts), ``not_started`` or ``expired``."""
        if not fnmatch.fnmatchcase(host, self.hosts):
            return "elsewhere"
        stamp = now.strftime(_TIME)
        if self.start and stamp < self.start:
            return "not_started"
        return "expired" if stamp > self.expires else "active"

    def matches(self, finding):
        """Whether it speaks of this finding's control and resource."""
        return self.control == finding.control and fnmatch.fnmatchcase(
            finding.resource, self.resource
        )

    def to_dict(self):
        """Plain data."""
        return dict(vars(self))


class FamilyPolicy(Mapping):
    """The parameters of one family, as its judges see them.

    ``mode`` is the family's; :meth:`in_force` tells whether a control counts on this host.
    """

    def __init__(self, name, params, policy):
        self.name = name
        self.mode = params["mode"]
        self._params = params
        self._policy = policy

    @property
    def now(self):
        """The time of the audit as ``YYYY-MM-DDTHH:MM:SSZ``."""
        return self._policy.now.strftime(_TIME)

    def __getitem__(self, key):
        return self._params[key]

    def __iter__(self):
        return iter(self._params)

    def __len__(self):
        return len(self._params)

    def in_force(self, control, resource="*"):
        """Whether the control may shape a file that inguest owns.

        It does not when it is off, only audited, or waived on this host: for this
        resource, or as a whole where none is given.
        """
        policy = self._policy
        if policy.control_mode(control) in ("off", "audit"):
            return False
        return not any(
            w.control == control
            and fnmatch.fnmatchcase(resource, w.resource)
            and w.state(policy.host, policy.now) == "active"
            for w in policy.waivers
        )


@record
class Policy:
    """A policy that was found valid, seen from one host at one time."""

    families: Mapping
    controls: Mapping
    waivers: tuple
    host: str = ""
    now: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    confirm: Mapping = field(default_factory=lambda: CONFIRM.filled("", []))

    @property
    def digest(self):
        """Of what guests are judged by; the same on every host."""
        waivers = [w.to_dict() for w in self.waivers]
        return digest({"f": secrets.hidden(self.families), "c": self.controls, "w": waivers})

    def for_guest(self, host, now=None):
        """The policy as it counts on ``host`` (a minion id) at ``now`` (UTC)."""
        return replace(self, host=host, now=now or dt.datetime.now(dt.timezone.utc))

    def family(self, name):
        """:class:`FamilyPolicy` of a family."""
        return FamilyPolicy(name, self.families[name], self)

    def mode(self, family):
        """``enforce``, ``audit`` or ``off``."""
        return self.families[family]["mode"]

    def control_mode(self, control):
        """The control's own mode, or ``None`` where it follows its family."""
        return self.controls.get(control, {}).get("mode")

    def enforced(self, control, family):
        """Whether the drift of a control may be cured."""
        return (self.control_mode(control) or self.mode(family)) == "enforce"

    def secrets(self, family):
        """``{key: Secret}`` of a family, each of them resolved.

        Raises :class:`inguestlib.secrets.SecretError` for the first that can't be had.
        """
        found = secrets.inside(self.families[family])
        for secret in found.values():
            secret.reveal()
        return found

    def to_dict(self):
        """Plain data: what ``inguest.policy`` shows. A secret that is set is ``***``."""
        return {
            **secrets.hidden(self.families),
            "controls": dict(self.controls),
            "confirm": dict(self.confirm),
            "waivers": [w.to_dict() for w in self.waivers],
            "digest": self.digest,
        }


def merge(base, over):
    """``base`` overlaid by ``over``: mappings key by key, anything else replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    out = dict(base)
    for key, value in over.items():
        out[key] = merge(out[key], value) if key in out else value
    return out


def family_schema(family):
    """The schema of a family's part of the pillar, ``mode`` included."""
    mode = s.Choice(MODES, None, help="enforce cures drift, audit reports it, off ignores it")
    return s.Struct({"mode": mode, **family.schema})


def _control_schema():
    mode = s.Choice(MODES, None, help="overrides the family's mode for this control")
    severity = s.Choice(SEVERITIES, None, help="overrides the control's severity")
    return s.Either(mode, s.Struct({"mode": mode, "severity": severity}))


def load(pillar=None, overlay=None, *, families, needed=None, resolve=None):
    """The :class:`Policy` of a pillar.

    pillar
        What stands under ``inguest:``.
    overlay
        The same shape; wins over the pillar (a state's arguments).
    families
        All families, ``{name: Family}``; see :func:`inguestlib.families.all`.
    needed
        Names of the families that will be judged; only they must have their
        required values. ``None``: all.
    resolve
        ``resolve(uri)`` gives the value of a secret's ``sdb://`` URI, when it is needed.

    Raises :class:`PolicyInvalid` with all mistakes at once.
    """
    problems = []
    for part in (pillar, overlay):
        if part is not None and not isinstance(part, Mapping):
            raise PolicyInvalid([s.Problem("inguest", "is not a mapping", "write keys below it")])
    data = merge(pillar or {}, overlay or {})
    known = ["mode", "controls", "waivers", "confirm", "revision", *families]
    problems += [s.unknown_key(f"inguest:{k}", k, known) for k in data if k not in known]

    mode = s.Choice(MODES, "audit").check(data.get("mode", "audit"), "inguest:mode", problems)
    parts = {}
    for name, family in families.items():
        mine = []
        part = family_schema(family).check(data.get(name), f"inguest:{name}", mine) or {}
        part["mode"] = part.get("mode") or mode
        unused = part["mode"] == "off" or (needed is not None and name not in needed)
        problems += [p for p in mine if not (unused and p.problem == "is missing")]
        parts[name] = part

    ids = {c.id for family in families.values() for c in family.controls}
    controls = _controls(data.get("controls"), ids, problems)
    waivers = _waivers(data.get("waivers"), problems)
    confirm = CONFIRM.check(data.get("confirm"), "inguest:confirm", problems)
    if data.get("revision") is not None:
        REVISION.check(data["revision"], "inguest:revision", problems)
    if problems:
        raise PolicyInvalid(problems)
    return Policy(secrets.bound(parts, resolve), controls, waivers, confirm=confirm)


def _controls(data, ids, problems):
    checked = s.MapOf(_control_schema()).check(data or {}, "inguest:controls", problems) or {}
    for name in checked:
        if name not in ids:
            problems.append(s.unknown_key(f"inguest:controls:{name}", name, ids))
    return {k: v if isinstance(v, Mapping) else {"mode": v} for k, v in checked.items()}


def _waivers(data, problems):
    before = len(problems)
    checked = s.ListOf(WAIVER).check(data or [], "inguest:waivers", problems)
    if len(problems) > before:
        return ()
    for i, w in enumerate(checked):
        if w["start"] and w["start"] > w["expires"]:
            problems.append(
                s.Problem(
                    f"inguest:waivers:{i}:expires", "lies before its start", "mend one of the dates"
                )
            )
    return tuple(Waiver(**w) for w in checked)


def waive(findings, policy, ids):
    """The findings with the waivers of this host applied, and what became of each waiver.

    Only drift is waived; a waived finding has no changes. An expired waiver leaves
    the drift and says so in its comment. The second value lists every waiver that
    names this host with its ``state``: active, unused (it matched no drift),
    expired, not_started, or unknown_control (``ids`` are the known ones).
    """
    states = [w.state(policy.host, policy.now) for w in policy.waivers]
    used = [0] * len(states)
    out = []
    for finding in findings:
        if finding.verdict is Verdict.DRIFT:
            for i, waiver in enumerate(policy.waivers):
                if states[i] not in ("active", "expired") or not waiver.matches(finding):
                    continue
                used[i] += 1
                finding = _waived(finding, waiver, states[i])
                if finding.verdict is Verdict.WAIVED:
                    break
        out.append(finding)
    rows = []
    for waiver, state, count in zip(policy.waivers, states, used, strict=True):
        if state == "elsewhere":
            continue
        if waiver.control not in ids:
            state = "unknown_control"
        elif state == "active" and not count:
            state = "unused"
        rows.append({**waiver.to_dict(), "state": state, "findings": count})
    return out, rows


def _waived(finding, waiver, state):
    if state == "expired":
        note = f"the waiver by {waiver.approver} expired on {waiver.expires}"
        return replace(finding, comment=f"{finding.comment}; {note}".lstrip("; "))
    note = f"waived by {waiver.approver} until {waiver.expires}: {waiver.reason}"
    return replace(finding, verdict=Verdict.WAIVED, comment=note, changes=())
