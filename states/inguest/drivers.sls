# Only the family drivers; its policy is the pillar inguest:drivers.
paravirtual drivers are present at every boot:
  inguest.drivers: []
