# Pillar. Between two reports: every ten seconds a look at the files that the policy is about, and
# an event when a verdict changed.
beacons:
  inguest:
    - interval: 10
    - disable_during_state_run: true
