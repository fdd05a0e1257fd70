{#- Have the guest cure drift at once, in the families named here. The policy has the last word:
    a family that it only audits is not changed. -#}
{%- set families = ["dns"] %}
{%- set drifted = data.findings | map(attribute="control") | map("regex_replace", "-.*", "") %}
{%- set mine = drifted | unique | select("in", families) | list %}
{%- if mine %}
inguest-cure:
  local.inguest.apply:
    {#- A list, and not a pattern: the id came from a guest. #}
    - tgt: [{{ data.id | json }}]
    - tgt_type: list
    - args:
        - families: {{ mine | json }}
{%- endif %}
