"""Every key of tools.conf and vgauth.conf that a control judges, as the source reads it.

Types, defaults and plugins are those of open-vm-tools 13.1.0; ``since`` where an older release
that is still about does not know the key. Names are case sensitive.
"""

from inguestlib.families.tools import role
from inguestlib.families.tools.conffile import GLOBALCONF, VGAUTH, Key

APPINFO = Key("appinfo", "disabled", "boolean", False, plugin="libappInfo.so")
APPINFO_POLL = Key("appinfo", "poll-interval", "integer", 21600)
CONTAINERINFO_POLL = Key(
    *("containerinfo", "poll-interval", "integer", 21600, (12, 0, 0), "libcontainerInfo.so")
)
SERVICEDISCOVERY = Key(
    "servicediscovery", "disabled", "boolean", False, plugin="libserviceDiscovery.so"
)
SDMP_VERSIONS = Key(
    "servicediscovery", "version-check-enabled", "boolean", False, plugin="libserviceDiscovery.so"
)
GUESTOPS = Key("guestoperations", "disabled", "boolean", False, plugin="libvix.so")
GUESTOPS_VGAUTH = Key("guestoperations", "useVGAuth", "boolean", True, plugin="libvix.so")
GUESTSTORE = Key("guestStore", "disabled", "boolean", False, plugin="libguestStore.so")
GUESTSTORE_ADMIN = Key("guestStore", "adminOnly", "boolean", False, plugin="libguestStore.so")
COMPONENTS = Key(
    *("componentmgr", "included", "string", "all", (12, 0, 0), "libcomponentMgr.so"),
)
COMPONENTS_POLL = Key("componentmgr", "poll-interval", "integer", 180)
CUSTOMIZATION = Key("deployPkg", "enable-customization", "boolean", True)
# Read by cloud-init and Photon's customisation, which compare the text with "true" in any case.
CUSTOM_SCRIPTS = Key("deployPkg", "enable-custom-scripts", "string", "")
TIMESYNC_ALL = Key("timeSync", "disable-all", "boolean", False, (13, 0, 0), "libtimeSync.so")
TIMESYNC = Key("timeSync", "disable-periodic", "boolean", False, (13, 0, 0), "libtimeSync.so")
GUESTINFO_POLL = Key("guestinfo", "poll-interval", "integer", 30, plugin="libguestInfo.so")
EXCLUDED_NICS = Key("guestinfo", "exclude-nics", "string", "docker*,veth*,virbr*,antrea-*,cali*")
LOG = Key("logging", "log", "boolean", True)
CORE_DUMP = Key("logging", "enableCoreDump", "boolean", True, invalid=False)
VGAUTH_CORE_DUMPS = Key("service", "enableCoreDumps", "boolean", True, path=VGAUTH)
VGAUTH_LEVEL = Key("service", "loglevel", "word", "normal", path=VGAUTH)

# Only the Tools for Windows have a plugin that reads these.
UPGRADE = Key("autoupgrade", "allow-upgrade", "boolean", True)
ADD_FEATURE = Key("autoupgrade", "allow-add-feature", "boolean", True)
REMOVE_FEATURE = Key("autoupgrade", "allow-remove-feature", "boolean", True)
MSI_TRANSFORMS = Key("autoupgrade", "allow-msi-transforms", "boolean", False)
STORE_UPGRADE = Key("gueststoreupgrade", "policy", "string", "manual")

# Their presence is judged, not their value.
IDENTITY = (
    Key("vmtools", "hide-tools-version", "boolean", False),
    Key("vmtools", "disable-tools-version", "boolean", False),
    Key("vmtools", "use-legacy-version", "boolean", False),
    Key("guestosinfo", "short-name", "string", ""),
    Key("guestosinfo", "long-name", "string", ""),
)

# The domains in which the programs log: the service, its command, vmware-toolbox-cmd.
LOG_DOMAINS = ("vmsvc", "vmtoolsd", "toolboxcmd")
LEVELS = ("none", "error", "critical", "warning", "message", "info", "debug")
HANDLERS = ("file", "file+", "syslog", "vmx", "std")


def handler(domain):
    """Where a domain's log goes."""
    return Key("logging", f"{domain}.handler", "word", "file+")


def level(domain):
    """From which level on a domain logs."""
    return Key("logging", f"{domain}.level", "word", "message")


def operation(name):
    """Whether one guest operation is disabled."""
    return Key("guestoperations", f"{name}.disabled", "boolean", False, plugin="libvix.so")


# Keys whose type matters to nobody but :mod:`confsyntax`, which says where it is wrong.
_TYPED = (
    *(Key("logging", f"{domain}.maxLogSize", "integer", 5) for domain in LOG_DOMAINS),
    *(Key("logging", f"{domain}.maxOldLogFiles", "integer", 10) for domain in LOG_DOMAINS),
    Key("logging", "maxCoreSize", "integer", 5242880),
    Key("logging", "maxCacheEntries", "integer", 4096),
    Key("globalconf", "poll-interval", "integer", 3600, (11, 3, 0)),
    Key("guestinfo", "max-ipv4-routes", "integer", 100),
    Key("guestinfo", "max-ipv6-routes", "integer", 100),
    Key("guestinfo", "stats-interval", "integer", 20),
    Key("guestinfo", "disable-perf-mon", "boolean", False),
    Key("servicediscovery", "cache-data", "boolean", True),
    Key("servicediscovery", "require-subscribers", "boolean", False),
    Key("containerinfo", "max-containers", "integer", 256),
    Key("vmbackup", "execScripts", "boolean", True),
    Key("vmbackup", "ignoreFrozenFileSystems", "boolean", False),
    Key("deployPkg", "process-timeout", "integer", 0),
    Key("deployPkg", "wait-cloudinit-timeout", "integer", 30),
    Key("service", "enableLogging", "boolean", True, path=VGAUTH),
    Key("service", "allowSymlinks", "boolean", False, path=VGAUTH),
    Key("service", "allowUnrelatedCerts", "boolean", False, path=VGAUTH),
    Key("service", "clockSkewAdjustment", "integer", 300, path=VGAUTH),
    Key("service", "maxDataConnectionsPerUser", "integer", 5, path=VGAUTH),
    Key("auditing", "auditSuccessEvents", "boolean", True, path=VGAUTH),
)

ALL = (
    *(APPINFO, APPINFO_POLL, CONTAINERINFO_POLL, SERVICEDISCOVERY, SDMP_VERSIONS, GUESTOPS),
    *(GUESTOPS_VGAUTH, GUESTSTORE, GUESTSTORE_ADMIN, COMPONENTS, COMPONENTS_POLL, CUSTOMIZATION),
    *(CUSTOM_SCRIPTS, TIMESYNC_ALL, TIMESYNC, GUESTINFO_POLL, EXCLUDED_NICS, LOG, CORE_DUMP),
    *(VGAUTH_CORE_DUMPS, VGAUTH_LEVEL, UPGRADE, ADD_FEATURE, REMOVE_FEATURE, MSI_TRANSFORMS),
    *(STORE_UPGRADE, GLOBALCONF, *IDENTITY),
    *(operation(name) for name in role.OPERATIONS),
    *_TYPED,
)
