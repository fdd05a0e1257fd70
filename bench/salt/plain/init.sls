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

tools are installed:
  pkg.installed:
    - name: open-vm-tools

tools.conf:
  ini.options_present:
    - name: /etc/vmware-tools/tools.conf
    - separator: '='
    - sections:
        logging:
          log: 'true'
          vmsvc.handler: syslog
          vmtoolsd.handler: syslog
          toolboxcmd.handler: syslog
          enableCoreDump: 'false'
        guestoperations:
          disabled: 'true'
        appinfo:
          disabled: 'true'
        containerinfo:
          poll-interval: '0'
        servicediscovery:
          disabled: 'true'
        globalconf:
          enabled: 'false'
        componentmgr:
          included: none
        deployPkg:
          enable-customization: 'false'
        guestStore:
          disabled: 'true'

{% for unit in ['open-vm-tools', 'vgauth'] %}
{{ unit }} comes up:
  service.running:
    - name: {{ unit }}
    - enable: true
{% endfor %}

alias store:
  file.absent:
    - name: /var/lib/vmware/VGAuth/aliasStore/mapping.xml

{% for path in ['/etc/vmware-tools', '/etc/vmware-tools/scripts'] %}
{{ path }}:
  file.directory:
    - user: root
    - group: root
    - mode: '0755'
{% endfor %}

unneeded drivers:
  file.managed:
    - name: /etc/modprobe.d/corp.conf
    - contents: |
        install floppy /bin/false
        install usb-storage /bin/false

environment:
  file.keyvalue:
    - name: /etc/environment
    - separator: '='
    - append_if_not_found: true
    - key_values:
        http_proxy: http://proxy.corp.example:3128
        https_proxy: http://proxy.corp.example:3128
        no_proxy: localhost,.corp.example

profile:
  file.managed:
    - name: /etc/profile.d/corp.sh
    - contents: |
        export http_proxy=http://proxy.corp.example:3128
        export no_proxy=localhost,.corp.example

apt:
  file.managed:
    - name: /etc/apt/apt.conf.d/zz-corp
    - contents: |
        Acquire::http::Proxy "http://proxy.corp.example:3128";

manager:
  file.managed:
    - name: /etc/systemd/system.conf.d/corp.conf
    - makedirs: true
    - contents: |
        [Manager]
        DefaultEnvironment="http_proxy=http://proxy.corp.example:3128"

{% for path in ['/etc/pip.conf', '/etc/gitconfig', '/etc/wgetrc', '/etc/npmrc', '/root/.curlrc'] %}
{{ path }}:
  file.absent: []
{% endfor %}

minion:
  file.managed:
    - name: /etc/salt/minion.d/proxy.conf
    - makedirs: true
    - contents: |
        proxy_host: proxy.corp.example
        proxy_port: 3128

added anchor:
  file.managed:
    - name: /usr/local/share/ca-certificates/corp.crt
    - makedirs: true
    - contents: an anchor
