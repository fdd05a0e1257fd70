# Only the family tpm; its policy is the pillar inguest:tpm.
what is sealed to the virtual TPM unseals:
  inguest.tpm: []
