#!/bin/sh
# Ask the master over salt-api:
#
#     API=https://salt.corp.example:8000 CREDENTIALS=auditor.json examples/salt-api.sh inguest.status
#
# auditor.json, readable by you alone: {"username": "auditor", "password": "…", "eauth": "pam"}.
# More arguments are those of the function: '{"tgt": "web*"}'. The answer is JSON. Neither the
# password nor the token is an argument of a program, which all users of this machine could read.
set -eu

json='Content-Type: application/json'
token=$(
    curl --silent --show-error --fail "$API/login" -H "$json" -H 'Accept: application/json' \
        --data "@$CREDENTIALS" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["return"][0]["token"])'
)
ask=$(printf '{"client": "runner", "fun": "%s", "kwarg": %s}' "$1" "${2:-"{}"}")
printf 'X-Auth-Token: %s\n' "$token" |
    curl --silent --show-error --fail "$API/" -H @- -H "$json" -H 'Accept: application/json' \
        --data "$ask"
