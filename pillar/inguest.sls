# The policy of inguest: an example that is complete and valid, and that `make audit`, the
# demonstration and the tests use as it stands. Copy it and put your own addresses in. Every
# key that may stand here is in the reference of the policy (docs/reference/policy.md); a wrong
# one is named, with the nearest known one, before anything runs.
inguest:
  # For families that set no mode of their own:
  #   audit     report drift, change nothing
  #   enforce   cure drift; what can't be verified afterwards is undone
  #   off       don't look
  mode: audit

  dns:
    # Begin with audit, read what it finds, then write: enforce
    mode: audit
    # There is no built-in resolver. These are your internal ones, in order of preference; with
    # one alone, its restart is an outage (dns-redundancy).
    servers:
      - 10.0.0.53
      - 10.0.1.53
    # Search domains that guests may have. Leave it out and they are not judged.
    search:
      - corp.example
    # What DHCP and router advertisements hand out: ignore, approved (take what is in `servers`
    # only), or allow.
    dhcp: ignore
    # After each change a name of yours has to resolve, or the change is undone.
    # proof:
    #   name: intranet.corp.example
    # Try to reach DNS outside, to see that it is blocked. This sends packets to the addresses
    # given; without it the guest is only read.
    # egress:
    #   enabled: true
    #   canaries: [192.0.2.53]

  services:
    mode: audit
    # The units that have to come up by themselves and run; a name without suffix is a service.
    # A plain list of names will do where none needs options.
    required:
      salt-minion: {}
      # nginx:
      #   network: true
      #   mounts: [/srv/www]
    # Enable what runs now but would not come back after a reboot, in place of reporting it.
    # enable_running: true
    # Your sources of time; nothing is judged against them while the list is empty.
    time:
      servers:
        - ntp1.corp.example
        - ntp2.corp.example
    # Where logs go, over TLS.
    logs:
      hosts:
        - logs.corp.example
    # A wrong fstab or GRUB stops a boot: they are only audited, even where the family is
    # enforced, until the policy says otherwise.
    # unattended_boot:
    #   enforce: true

  tools:
    mode: audit
    # As new as the repositories offer it; or: security (no known vulnerability is open), or
    # minimum (at least the version in `minimum`).
    currency: latest
    # minimum: 12.5.2
    # Older metadata of the repositories prove nothing: currency is then unknown.
    metadata_days: 7
    # Where updates come from, if these are not the distribution's own names.
    # repositories: ['bookworm-2026Q*']
    # What the guest is: template or deployed. Left out, what depends on it is unknown.
    # role: deployed
    # What is needed from outside all the same counts more than the role.
    # guest_operations:
    #   allow: [ListFilesInGuest, ValidateCredentialsInGuest]
    # Addresses that Tools report: nsx (its groups are made of them), off, or unmanaged.
    # ip_reporting: nsx
    # Inventories that somebody outside reads, so that they stay on.
    # consumers: [appinfo]

  drivers:
    mode: audit
    # An initramfs without the disk controller's driver stops a boot. It is only audited, even
    # where the family is enforced, until the policy says otherwise; then it is built anew,
    # read, and put back as it was if the drivers are still not in it.
    # initramfs:
    #   enforce: true
    # Exceptions: interface names, MAC addresses, PCI addresses or ids (vendor:device).
    # nics:
    #   allow: ['8086:154c']
    # Virtual hardware that is needed besides disks and network: cdrom, floppy, serial,
    # parallel, usb, sound, ahci.
    devices:
      allow: [serial]

  proxy:
    mode: audit
    # There is no built-in proxy. Yours, without user and password; or none, where there is
    # deliberately none.
    url: http://proxy.corp.example:3128
    # What goes past the proxy, and nothing else. Each program reads such a list in a way of its
    # own, so it is judged for each of them.
    exceptions:
      - localhost
      - .corp.example
    # Destinations that every program has to reach directly, or through the proxy.
    bypass:
      - repo.corp.example
    # through: [updates.example]
    # Who is told something else: a proxy of its own, none, mirror (internal mirrors), any.
    # consumers:
    #   apt: mirror
    # How to log in to the proxy, in files of root's alone; the password by gpg, or an sdb:// URI.
    # credentials:
    #   user: web-farm
    #   password: sdb://vault/proxy/web-farm
    #   consumers: [apt]
    #   units: [docker.service]
    # The inspection authority; every other added anchor of trust is drift.
    # ca:
    #   certificates:
    #     corp-inspection: {file: /srv/pki/corp-inspection.pem}
    # Services that may be restarted when their environment changes.
    # restart: [docker.service]
    # Proxies and tunnels that this guest is meant to run.
    # daemons:
    #   allowed: [haproxy]
    # Try to reach the outside by the proxy and past it. This makes traffic.
    # probe:
    #   enabled: true
    #   canaries: ['https://outside.example/']

  crypt:
    mode: audit
    # Encryption inside the guest is for very sensitive hosts. On any other one an encrypted
    # volume is a finding: it costs space, speed, and boots.
    # sensitive: true
    # Single mount points: required, forbidden, any.
    # mounts: {/srv/archive: any}
    # The volumes of a sensitive host, by the names of their mappings.
    # volumes:
    #   records:
    #     device: /dev/disk/by-id/wwn-0x6000c2900000000000000000000000a1
    #     size: 200G
    #     mount: /srv/records
    #     filesystem: xfs
    #     unlock:
    #       by: [tpm2, tang]
    #       tang:
    #         servers: [{url: 'http://tang1.corp.example', thumbprint: 0123456789abcdef0123456789a}]
    #     recovery:
    #       escrow: sdb://vault/luks/{minion}/{volume}
    #     discard: false
    # Where volumes don't say: pass TRIM through (allow) or not (refuse).
    # discard: refuse
    # How NFS has to be encrypted on its way: krb5p, tls, or any of them.
    network:
      nfs: any
    # crypttab and fstab are only audited, even where the family is enforced, until this is set.
    # tables:
    #   enforce: true

  tpm:
    mode: audit
    # Whether the virtual machine is meant to have a TPM. Left out, a machine without is unknown.
    expected: true
    # A machine that boots by BIOS is drift, too, with required; efi leaves it out.
    secure_boot: required
    # What a key that is sealed to the TPM is bound to at least, unless its policy is signed.
    # sealed:
    #   pcrs: [7]
    # Try whether each sealed key unseals now. It takes the TPM a second for each of them.
    # unseal: true
    # A wrong boot order stops a boot. It is only audited, even where the family is enforced,
    # until the policy says otherwise.
    # boot_order:
    #   enforce: true

  # Single controls: another mode or severity than their family's.
  controls:
    dns-nsswitch: audit
    dns-redundancy:
      severity: medium

  # Drift that is accepted: by whom, why, and until when. It is shown as waived, and it is drift
  # again after the last day, at its end in UTC.
  waivers:
    - control: dns-no-encrypted-bypass
      resource: '*'
      hosts: 'kiosk*'
      reason: The kiosks' browser is managed elsewhere until it is replaced (CHG-1042)
      approver: network security
      expires: 2027-12-31
