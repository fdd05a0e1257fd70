{#- Mail what drifted. A minion with a sendmail program sends it (msmtp, postfix, exim…). Only a
    guest's own words come after the empty line, so that none of them can be a header. -#}
{%- set mailer = "mail.corp.example" %}
{%- set host = data.id | string | regex_replace("[^A-Za-z0-9._-]", "?") %}
{%- set lines = [
      "From: inguest@corp.example",
      "To: security@corp.example",
      "Subject: drift on " ~ host,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "",
    ] %}
{%- for finding in data.findings %}
  {%- do lines.append(finding.severity ~ "  " ~ finding.control ~ "  " ~ finding.resource) %}
  {%- do lines.append("    " ~ finding.evidence) %}
{%- endfor %}
inguest-mail:
  local.cmd.run:
    - tgt: [{{ mailer | json }}]
    - tgt_type: list
    - args:
        - cmd: /usr/sbin/sendmail -t -i
        - stdin: {{ lines | join("\n") | json }}
