# Pillar. The git revision of the states, which reports name: the master renders the pillar, so it
# asks git there. The quotes keep YAML from reading a hash of digits as a number.
inguest:
  revision: '{{ salt.git.revision("/srv/salt") }}'
