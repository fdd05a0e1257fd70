# Only the family services; its policy is the pillar inguest:services.
declared services come up by themselves:
  inguest.services: []
