{#- POST what drifted, or was cured, to a web hook. The master sends it. -#}
{%- set url = "https://hooks.corp.example/inguest" %}
{%- set told = {"host": data.id, "event": tag.split("/")[-1], "findings": data.findings} %}
inguest-webhook:
  runner.http.query:
    - args:
        - url: {{ url | json }}
        - method: POST
        - header_dict: {Content-Type: application/json}
        - data: {{ told | json | json }}
