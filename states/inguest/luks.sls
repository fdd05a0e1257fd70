# The encrypted volumes that the policy (pillar inguest:crypt:volumes) declares, before what needs
# them: a state that is ordered first waits for nothing but its own requisites.
encrypted volumes are as declared:
  inguest_luks.volumes:
    - order: first
