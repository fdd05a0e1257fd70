"""Small valid files of every kind that the families read; the fuzz test damages them."""

CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBODCB66ADAgECAhQ1yAptJ0lXotFjdY5cXmwX/UA+PTAFBgMrZXAwETEPMA0G\n"
    "A1UEAwwGRnV6emVkMCAXDTI2MTEyMzE1NTkwNFoYDzIxMjYxMDMwMTU1OTA0WjAR\n"
    "MQ8wDQYDVQQDDAZGdXp6ZWQwKjAFBgMrZXADIQDJG9lxY60I7lTRHQO2/NL9ZokP\n"
    "4BlUKC6X3atZlyMH3KNTMFEwHQYDVR0OBBYEFLeASyL36OAJ5Y4G8HCMYzF3ETOd\n"
    "MB8GA1UdIwQYMBaAFLeASyL36OAJ5Y4G8HCMYzF3ETOdMA8GA1UdEwEB/wQFMAMB\n"
    "Af8wBQYDK2VwA0EAmukLTZDHAUJ+8FI4JomISKwtsFS5NOFbewOJlMol2cV2URMD\n"
    "hn6KQToC7WTGgakGWsi7GJqUlrA+Ylg8F3zlDA==\n"
    "-----END CERTIFICATE-----\n"
)
FILES = {
    "/etc/resolv.conf": ("nameserver 8.8.8.8\nsearch a b\noptions rotate\n"),
    "/etc/systemd/resolved.conf": ("[Resolve]\nDNS=8.8.8.8#dns.google\nFallbackDNS=\nDNSSEC=no\n"),
    "/etc/systemd/resolved.conf.d/x.conf": ("[Resolve]\nDNS=\nDNS=9.9.9.9\n"),
    "/etc/systemd/network/10-a.network": (
        "[Match]\nName=e*\n[Network]\nDHCP=yes\nDNS=8.8.8.8\n[DHCPv4]\nUseDNS=no\n"
    ),
    "/etc/NetworkManager/NetworkManager.conf": (
        "[main]\ndns=none\n[global-dns-domain-*]\nservers=8.8.8.8\n"
    ),
    "/etc/NetworkManager/system-connections/a.nmconnection": (
        "[connection]\n"
        "id=a\n"
        "type=ethernet\n"
        "[ipv4]\n"
        "method=auto\n"
        "dns=8.8.8.8;\n"
        "ignore-auto-dns=true\n"
    ),
    "/etc/netplan/50-cloud-init.yaml": (
        "network:\n"
        "  version: 2\n"
        "  ethernets:\n"
        "    ens3:\n"
        "      dhcp4: true\n"
        "      nameservers:\n"
        "        addresses: [8.8.8.8, '::1']\n"
        "        search: [a]\n"
    ),
    "/etc/network/interfaces": (
        "auto lo\n"
        "iface lo inet loopback\n"
        "auto eth0\n"
        "iface eth0 inet static\n"
        "  dns-nameservers 8.8.8.8\n"
        "  dns-search a\n"
        "source interfaces.d/*\n"
    ),
    "/etc/network/interfaces.d/a": "iface eth1 inet dhcp\n",
    "/etc/dhcp/dhclient.conf": (
        "supersede domain-name-servers 8.8.8.8, 1.1.1.1;\n"
        'interface "eth0" { append domain-name-servers 9.9.9.9; }\n'
        "request subnet-mask, domain-name-servers;\n"
    ),
    "/etc/dhcpcd.conf": (
        "interface eth0\nstatic domain_name_servers=8.8.8.8\nnooption domain_name_servers\n"
    ),
    "/etc/sysconfig/network-scripts/ifcfg-eth0": (
        "DEVICE=eth0\nBOOTPROTO=dhcp\nDNS1=8.8.8.8\nPEERDNS='no'\n"
    ),
    "/etc/sysconfig/network/config": (
        'NETCONFIG_DNS_STATIC_SERVERS="8.8.8.8"\nNETCONFIG_DNS_POLICY=auto\n'
    ),
    "/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='dhcp'\n",
    "/etc/unbound/unbound.conf": (
        "server:\n"
        "  interface: 127.0.0.1\n"
        "forward-zone:\n"
        '  name: "."\n'
        "  forward-addr: 8.8.8.8@53#x\n"
        'include: "/etc/unbound/unbound.conf.d/*.conf"\n'
    ),
    "/etc/unbound/unbound.conf.d/a.conf": ("forward-zone:\n  name: .\n  forward-addr: 1.1.1.1\n"),
    "/etc/dnsmasq.conf": (
        "server=8.8.8.8\nserver=/a/1.1.1.1#53\nno-resolv\nconf-dir=/etc/dnsmasq.d,*.conf\n"
    ),
    "/etc/dnsmasq.d/a.conf": ("server=9.9.9.9\nresolv-file=/etc/r\n"),
    "/etc/bind/named.conf": (
        "options { forwarders { 8.8.8.8 port 53; }; forward only; /* x */ };\n"
        'include "/etc/bind/named.conf.local";\n'
    ),
    "/etc/bind/named.conf.local": ('zone "a" { type forward; forwarders { 1.1.1.1; }; }; // x\n'),
    "/etc/named.conf": "options { forwarders { 8.8.8.8; }; };\n",
    "/etc/fstab": (
        "UUID=a / ext4 defaults 0 1\n"
        "/dev/sdb1 /data xfs defaults,nofail 0 2\n"
        "server:/x /n nfs _netdev 0 0\n"
    ),
    "/etc/crypttab": (
        "data UUID=b /key luks,nofail\nd2 /etc/keys/image none luks,tpm2-device=auto\n"
    ),
    "/key": "not a key\n",
    "/etc/keys/image": "x\n",
    "/etc/cryptsetup-initramfs/conf-hook": 'KEYFILE_PATTERN="/k*"\nASKPASS=y\n',
    "/etc/dracut.conf.d/keys.conf": 'install_items+=" /key "\n',
    "/etc/initramfs-tools/conf.d/resume": "RESUME=UUID=c\n",
    "/etc/kernel/cmdline": "root=UUID=a rd.luks.uuid=b rd.luks.key=/key:UUID=d resume=/dev/sdb2\n",
    "/var/lib/inguest/volumes/data/record.json": (
        '{"backup": {"path": "/key", "size": 9, "uuid": "b", "state": "sha256:0"}}\n'
    ),
    "/var/lib/iscsi/nodes/iqn.x/10.0.0.9,3260,1/default": (
        "node.session.auth.authmethod = CHAP\nnode.session.auth.username_in = j\n"
    ),
    "/etc/default/grub": ('GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="quiet"\nGRUB_DEFAULT=0\n'),
    "/boot/grub/grub.cfg": ("set timeout=5\nmenuentry 'x' {\n linux /vmlinuz root=/dev/sda1\n}\n"),
    "/etc/chrony/chrony.conf": (
        "pool 2.debian.pool.ntp.org iburst\n"
        "server a iburst nts\n"
        "sourcedir /etc/chrony/sources.d\n"
        "confdir /etc/chrony/conf.d\n"
    ),
    "/etc/chrony.conf": "pool a iburst\n",
    "/etc/ntp.conf": "server a\n",
    "/etc/ntpsec/ntp.conf": "server a\n",
    "/etc/systemd/timesyncd.conf": ("[Time]\nNTP=a\n"),
    "/etc/rsyslog.conf": (
        'module(load="omfwd")\n'
        "*.* @@l:514\n"
        'action(type="omfwd" target="l" port="6514" protocol="tcp" StreamDriver="gtls")\n'
        "$IncludeConfig /etc/rsyslog.d/*.conf\n"
    ),
    "/etc/rsyslog.d/a.conf": (
        '$ActionSendStreamDriverMode 1\n*.* action(type="omfwd"\n target="x")\n'
    ),
    "/etc/syslog-ng/syslog-ng.conf": (
        'destination d { network("l" port(6514) transport("tls")); };\n'
    ),
    "/etc/systemd/system/nginx.service": (
        "[Unit]\n"
        "After=network.target\n"
        "[Service]\n"
        "ExecStart=/bin/x \\\n"
        "  y\n"
        "Restart=always\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
        "Alias=x.service\n"
    ),
    "/etc/systemd/system/nginx.service.d/o.conf": (
        "[Service]\nRestart=\nRestart=no\nRestartSec=5min 20s\n"
    ),
    "/etc/systemd/system-preset/00-a.preset": ("enable *\ndisable x*\n"),
    "/etc/systemd/journald.conf": ("[Journal]\nForwardToSyslog=yes\n"),
    "/etc/systemd/journal-upload.conf": ("[Upload]\nURL=https://x\n"),
    "/etc/systemd/system.conf": ("[Manager]\nDefaultTimeoutStopSec=5\n"),
    "/etc/sysctl.d/a.conf": "kernel.panic=10\n",
    "/etc/sysctl.conf": "-net.x = 5\n",
    "/etc/nsswitch.conf": "hosts: files resolve [!UNAVAIL=return] dns\n",
    "/etc/hosts": ("127.0.0.1 localhost\n10.0.0.1 x y\n"),
    "/etc/containers/systemd/a.container": (
        "[Container]\nImage=x\nDNS=8.8.8.8\n[Install]\nWantedBy=default.target\n"
    ),
    "/etc/docker/daemon.json": '{"dns": ["8.8.8.8"], "live-restore": true}',
    "/var/lib/docker/containers/abc/hostconfig.json": (
        '{"RestartPolicy":{"Name":"always"},"Dns":[]}'
    ),
    "/var/lib/docker/containers/abc/config.v2.json": ('{"Name":"/a","State":{"Running":true}}'),
    "/etc/containers/containers.conf": ('[containers]\ndns_servers=["8.8.8.8"]\n'),
    "/etc/resolvconf.conf": 'name_servers="8.8.8.8"\n',
    "/etc/resolvconf/resolv.conf.d/head": "nameserver 8.8.8.8\n",
    "/etc/cloud/cloud.cfg": ("manage_etc_hosts: true\nnetwork: {config: disabled}\n"),
    "/etc/cloud/cloud.cfg.d/a.cfg": (
        "network:\n  version: 1\n  config:\n  - type: nameserver\n    address: [8.8.8.8]\n"
    ),
    "/etc/hostname": "web1\n",
    "/etc/os-release": ("ID=debian\nVERSION_ID=12\n"),
    "/etc/cloud/cloud.cfg.d/zzz.cfg": (
        "disable_vmware_customization: false # x\ndatasource_list: [VMware, None]\n"
        "datasource:\n  VMware:\n    allow_raw_data: true\nmanual_cache_clean: no\n"
    ),
    "/etc/pam.d/vmtoolsd": (
        "auth       sufficient       pam_unix.so shadow\n@include common-auth\n"
        "account [success=1 default=ignore] pam_x.so \\\n a=b\naccount include common-account\n"
    ),
    "/etc/vmware-tools/tools.conf": (
        "# top\n[logging]\nvmsvc.handler = file\nvmsvc.level=debug\n[appinfo]\ndisabled = TRUE\n"
        "[globalconf]\nenabled=true\n[setenvironment]\nvmsvc.PATH=/srv\n[guestinfo]\n"
        "exclude-nics=eth*,docker*\npoll-interval=0\n[salt_minion]\nmaster=salt\n"
    ),
    "/etc/vmware-tools/tools-global.conf": "[appinfo]\npoll-interval=0\n; by hand\n",
    "/var/log/vmware-vmsvc-root.log": "[2026-11-23T10:00:00.000Z] [ message] [vmsvc] one\n",
    "/etc/vmware-tools/vgauth.conf": (
        "[service]\nallowSymlinks=true\nsamlSchemaDir = /etc/vmware-tools/vgauth/schemas\n"
        "clockSkewAdjustment=900\n[auditing]\nauditSuccessEvents=0\n"
    ),
    "/etc/vmware-tools/backupScripts.d/10-db": "#!/bin/sh\n",
    "/etc/vmware-tools/poweron-vm-default": "#!/bin/sh\n",
    "/var/lib/vmware/VGAuth/aliasStore/user-root.xml": (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<userAliases>\n<alias>\n'
        "   <pemCertificate>YSBjZXJ0aWZpY2F0ZQ==</pemCertificate>\n   <aliasInfos>\n"
        "      <aliasInfo>\n         <subject>a&amp;b</subject>\n      </aliasInfo>\n"
        "      <aliasInfo>\n         <anySubject/>\n      </aliasInfo>\n"
        "   </aliasInfos>\n</alias>\n</userAliases>\n"
    ),
    "/var/lib/vmware/VGAuth/aliasStore/mapping.xml": (
        "<mappings>\n  <mapping>\n    <pemCertificate>YSBjZXJ0aWZpY2F0ZQ==</pemCertificate>\n"
        "    <userName>root</userName>\n    <subjects>\n      <subject>a</subject>\n"
        "    </subjects>\n  </mapping>\n</mappings>\n"
    ),
    "/var/lib/dpkg/info/open-vm-tools.list": (
        "/.\n/usr/bin\n/usr/bin/vmtoolsd\n/usr/bin/VGAuthService\n/usr/lib/open-vm-tools\n"
        "/usr/lib/open-vm-tools/plugins/vmsvc/libvix.so\n"
    ),
    "/var/lib/dpkg/info/open-vm-tools.md5sums": (
        "d41d8cd98f00b204e9800998ecf8427e  usr/bin/vmtoolsd\n"
        "d41d8cd98f00b204e9800998ecf8427e  usr/bin/VGAuthService\n"
    ),
    "/var/lib/dpkg/info/open-vm-tools.conffiles": "/etc/vmware-tools/tools.conf\n",
    "/var/lib/dpkg/diversions": "/usr/bin/vmtoolsd\n/usr/bin/vmtoolsd.real\nother\n",
    "/var/lib/dpkg/statoverride": "root root 4755 /usr/bin/VGAuthService\n",
    "/usr/bin/vmtoolsd": "\x7fELF\x02\x01\x01" + "\0" * 80 + ".modinfo\0version=12.2.0\0",
    "/usr/bin/VGAuthService": "\x7fELF allowSymlinks",
    "/usr/lib/open-vm-tools/plugins/vmsvc/libvix.so": "\x7fELF",
    "/var/lib/dpkg/status": (
        "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
        "\nPackage: open-vm-tools\nStatus: install ok installed\nArchitecture: amd64\n"
        "Version: 2:12.2.0-1+deb12u3\n"
    ),
    "/etc/firefox/policies/policies.json": '{"policies":{"DNSOverHTTPS":{"Enabled":true}}}',
    "/etc/opt/chrome/policies/managed/a.json": '{"DnsOverHttpsMode":"off"}',
    "/etc/inittab": "id:3:initdefault:\n",
    "/etc/machine-id": "abc\n",
    "/boot/loader/entries/a.conf": ("title x\noptions root=/dev/sda1\n"),
    "/boot/loader/loader.conf": "timeout 3\n",
    "/etc/environment": "http_proxy=http://u:p@proxy.corp.example:3128\nno_proxy='a, b'\n",
    "/etc/security/pam_env.conf": "https_proxy DEFAULT=http://p:1 OVERRIDE=${http_proxy}\n",
    "/etc/profile.d/proxy.sh": (
        "if x; then\n  export HTTP_PROXY=$http_proxy; unset ALL_PROXY\nfi\n"
        'export no_proxy="$no_proxy,c"\n'
    ),
    "/etc/environment.d/p.conf": "http_proxy=http://p:1\n",
    "/etc/sysconfig/proxy": 'PROXY_ENABLED="yes"\nHTTP_PROXY="http://p:1"\nNO_PROXY="a"\n',
    "/etc/default/docker": "http_proxy=http://p:1\n",
    "/etc/systemd/system/docker.service.d/proxy.conf": (
        '[Service]\nEnvironment="HTTP_PROXY=http://p:1" "NO_PROXY=a"\n'
        "EnvironmentFile=-/etc/default/docker\n"
    ),
    "/etc/apt/sources.list": (
        "deb [trusted=yes arch=amd64] http://u:p@deb.example/debian bookworm main\n"
        "deb http://deb.example/debian ./\n"
    ),
    "/etc/apt/sources.list.d/a.sources": (
        "Types: deb deb-src\nURIs: http://deb.example/security\n http://[::1]/x\n"
        "Suites: bookworm-security\nComponents: main\nEnabled: no\nTrusted: yes\n\n"
    ),
    "/etc/apt/preferences": (
        "Package: open-vm-tools /x/\nPin: version 2:12*\nPin-Priority: 1001\n\n"
        "Package: *\nPin: release a=x,n=bookworm,c=main\nPin-Priority: -1\n"
    ),
    "/var/lib/apt/lists/deb.example_debian_dists_bookworm_InRelease": (
        "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Mon, 23 Nov 2026 08:00:00 UTC\n"
        "Valid-Until: Mon, 30 Nov 2026 08:00:00 UTC\nSHA256:\n"
    ),
    "/var/lib/apt/lists/deb.example_debian_dists_bookworm_main_binary-amd64_Packages": (
        "Package: open-vm-tools\nArchitecture: amd64\nVersion: 2:13.0.5-1\n\n"
        "Package: open-vm-tools-sdmp\nVersion: 2:13.0.5-1\n"
    ),
    "/var/lib/apt/lists/deb.example_debian_._Packages.gz": "not packed\n",
    "/etc/apt/apt.conf.d/90proxy": (
        'Acquire { http { Proxy "http://p:1"; Proxy::a "DIRECT"; }; };\n'
        'Acquire::http::Proxy-Auto-Detect "/x";\n#clear Acquire::https;\n'
    ),
    "/etc/dnf/dnf.conf": "[main]\nproxy=http://p:1\nproxy_password=x\n",
    "/etc/yum.repos.d/a.repo": "[a]\nbaseurl=http://a/\nproxy=_none_\n",
    "/etc/rhsm/rhsm.conf": "[server]\nproxy_hostname = p\nproxy_port = 1\nno_proxy = *.a\n",
    "/etc/tdnf/tdnf.conf": "[main]\nproxy=http://p:1\n",
    "/root/.docker/config.json": '{"proxies": {"default": {"httpProxy": "http://p:1"}}}',
    "/etc/gitconfig": '[http]\n\tproxy = http://u:p@p:1\n[http "http://a/"]\n\tproxy =\n',
    "/etc/pip.conf": "[global]\nproxy = p:1\n",
    "/etc/npmrc": "proxy=http://p:1\nnoproxy=a\n",
    "/etc/apt/auth.conf.d/p.conf": "machine http://p:1\nlogin u\npassword p\n",
    "/etc/ca-certificates.conf": "mozilla/A.crt\n!mozilla/B.crt\nlocal/c.crt\n",
    "/usr/share/ca-certificates/local/c.crt": CERTIFICATE,
    "/usr/local/share/ca-certificates/d.crt": CERTIFICATE,
    "/etc/ssl/certs/ca-certificates.crt": CERTIFICATE,
    "/root/.curlrc": 'proxy = "http://p:1"\nnoproxy=a\nproxy-user u:p\n',
    "/etc/wgetrc": "http_proxy = http://p:1\nuse_proxy = on\nno_proxy = a\n",
    "/var/lib/snapd/state.json": '{"data":{"config":{"core":{"proxy":{"http":"http://p:1"}}}}}',
    "/etc/salt/minion": "master: m\nproxy_host: p\nproxy_port: 1\nno_proxy: [a]\n",
}

# What the family drivers reads: a trailer alone is a whole initramfs.
_RELEASE = "6.1.0-18-amd64"
FILES |= {
    f"/boot/vmlinuz-{_RELEASE}": "MZ",
    f"/boot/initrd.img-{_RELEASE}": (
        "070701" + "0" * 88 + "0000000B" + "0" * 8 + "TRAILER!!!\0" + "\0" * 3
    ),
    f"/boot/config-{_RELEASE}": "CONFIG_VMXNET3=m\n# CONFIG_VMWARE_PVSCSI is not set\n",
    f"/lib/modules/{_RELEASE}/modules.builtin": "kernel/drivers/misc/vmw_balloon.ko\n",
    f"/lib/modules/{_RELEASE}/modules.dep": (
        "kernel/drivers/net/vmxnet3/vmxnet3.ko.xz: kernel/a.ko\n"
        "kernel/drivers/scsi/vmw_pvscsi.ko:\n"
    ),
    "/etc/modprobe.d/x.conf": "blacklist vmw-pvscsi\ninstall vmw_balloon \\\n /bin/false\n",
    "/etc/modules-load.d/x.conf": "# a\nvmw_balloon\n",
    "/etc/initramfs-tools/initramfs.conf": "MODULES=dep\nCOMPRESS=zstd\n",
    "/etc/initramfs-tools/modules": "# a\nraid1\n",
    "/etc/udev/rules.d/99-vmware-scsi-udev.rules": (
        'ACTION=="add", ATTRS{vendor}=="VMware*", ATTR{timeout}="30"\n'
    ),
    "/sys/bus/pci/devices/0000:03:00.0/uevent": (
        "DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086:100F\n"
    ),
    "/sys/block/sda/device/timeout": "30\n",
    "/sys/block/sda/device/vendor": "VMware  \n",
}

PROGRAMS = (
    "/usr/sbin/unbound",
    "/usr/sbin/dnsmasq",
    "/usr/sbin/named",
    "/usr/sbin/chronyd",
    "/usr/sbin/rsyslogd",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-resolved",
    "/usr/lib/systemd/systemd-networkd",
    "/usr/lib/systemd/systemd-timesyncd",
    "/usr/sbin/NetworkManager",
    "/usr/sbin/netplan",
    "/sbin/dhclient",
    "/sbin/dhcpcd",
    "/sbin/ifup",
    "/sbin/netconfig",
    "/sbin/resolvconf",
    "/usr/sbin/syslog-ng",
    "/usr/bin/dockerd",
    "/usr/bin/podman",
    "/usr/sbin/ntpd",
    "/usr/sbin/grub-mkconfig",
    "/usr/bin/firefox",
    "/usr/bin/apt-get",
    "/usr/bin/dnf",
    "/usr/bin/tdnf",
    "/usr/bin/zypper",
    "/usr/bin/git",
    "/usr/bin/pip3",
    "/usr/bin/npm",
    "/usr/bin/curl",
    "/usr/bin/wget",
    "/usr/bin/snap",
    "/usr/bin/python3",
    "/usr/bin/cloud-init",
    "/usr/sbin/mkinitramfs",
)

UNITS = (
    "systemd-resolved",
    "systemd-networkd",
    "NetworkManager",
    "unbound",
    "dnsmasq",
    "named",
    "chrony",
    "rsyslog",
    "dhcpcd",
    "docker",
    "networking",
    "multi-user.target",
    "default.target",
)
