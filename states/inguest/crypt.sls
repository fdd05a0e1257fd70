# Only the family crypt; its policy is the pillar inguest:crypt. It encrypts nothing.
volumes are encrypted where the policy says so:
  inguest.crypt: []
