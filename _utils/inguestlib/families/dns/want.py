"""What a policy wants of the clients' settings, as the owners' files need it."""

from inguestlib.record import record


@record
class Want:
    """The settings that are in force.

    ``None`` means that the policy leaves a setting alone (no value, or its control is not
    in force), so that an owned file never carries more than was asked for.
    """

    approved: tuple  # whom a guest may ask; judged even where nothing is enforced
    servers: tuple | None
    fallback: tuple | None
    search: tuple | None
    dnssec: str | None
    dns_over_tls: str | None
    ignore_dhcp: bool
    keep_name: bool  # DHCP is not asked to register the guest's name
    regular_file: bool  # /etc/resolv.conf


def wanted(policy):
    """The :class:`Want` of a family policy."""

    def when(control, value):
        return value if value is not None and policy.in_force(control) else None

    def words(value):
        return None if value is None else tuple(value)

    servers, fallback = tuple(policy["servers"]), tuple(policy["fallback"])
    ignore = policy["dhcp"] == "ignore" and policy.in_force("dns-dhcp-override")
    asked = ("dns-servers-approved", "dns-no-public-resolver")
    named = ignore or any(policy.in_force(control) for control in asked)
    return Want(
        approved=servers + fallback,
        servers=servers if named else None,
        fallback=when("dns-fallback-empty", fallback),
        search=when("dns-search-and-ddns", words(policy["search"])),
        dnssec=when("dns-transport-security", policy["dnssec"]),
        dns_over_tls=when("dns-transport-security", policy["dns_over_tls"]),
        ignore_dhcp=ignore,
        keep_name=when("dns-search-and-ddns", policy["register_hostname"]) is False,
        regular_file=when("dns-resolvconf-managed", policy["resolv_conf"]) == "file",
    )
