# Only the family dns; its policy is the pillar inguest:dns.
names are resolved by internal servers only:
  inguest.dns: []
