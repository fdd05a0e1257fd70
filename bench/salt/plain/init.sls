# What one would write in plain Salt states for the policy of the benchmark.
resolved drop-in:
  file.managed:
    - name: /etc/systemd/resolved.conf.d/corp.conf
    - makedirs: true
    - contents: |
        [Resolve]
        DNS=10.99.0.53 10.99.0.54
        FallbackDNS=
        Domains=corp.example

resolv.conf:
  file.symlink:
    - name: /etc/resolv.conf
    - target: /run/systemd/resolve/stub-resolv.conf
    - force: true

network drop-in:
  file.managed:
    - name: /etc/systemd/network/10-host0.network.d/corp.conf
    - makedirs: true
    - contents: |
        [DHCPv4]
        UseDNS=no

hosts order:
  file.line:
    - name: /etc/nsswitch.conf
    - mode: replace
    - match: '^hosts:'
    - content: 'hosts: files resolve [!UNAVAIL=return] dns'

hosts file:
  host.present:
    - name: localhost
    - ip: 127.0.0.1

panic:
  file.managed:
    - name: /etc/sysctl.d/panic.conf
    - contents: |
        kernel.panic = 10
        kernel.panic_on_oops = 1

{% for unit in ['cron', 'ssh', 'systemd-resolved', 'systemd-networkd', 'systemd-journald', 'systemd-udevd', 'dbus', 'systemd-logind', 'getty@tty1', 'salt-minion'] %}
{{ unit }} drop-in:
  file.managed:
    - name: /etc/systemd/system/{{ unit }}.service.d/corp.conf
    - makedirs: true
    - contents: |
        [Service]
        Restart=on-failure

{{ unit }} comes up:
  service.running:
    - name: {{ unit }}
    - enable: true
{% endfor %}

time sources:
  file.managed:
    - name: /etc/systemd/timesyncd.conf.d/corp.conf
    - makedirs: true
    - contents: |
        [Time]
        NTP=10.99.0.123

log host:
  file.managed:
    - name: /etc/rsyslog.d/corp.conf
    - makedirs: true
    - contents: |
        *.* action(type="omfwd" target="10.99.0.10" port="6514" protocol="tcp")
