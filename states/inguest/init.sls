# All families that the policy (pillar inguest:) does not switch off.
the guest follows its policy:
  inguest.enforced: []
