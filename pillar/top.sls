# Which minions get which pillar. Copy it, or add `inguest` to your own top file.
base:
  '*':
    - inguest
