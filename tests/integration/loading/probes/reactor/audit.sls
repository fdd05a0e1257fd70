the product's own runner, in the reactor's own process:
  runner.inguest.audit:
    - args:
        - tgt: minion
        - root: /nonexistent
        - timeout: 5
