# Only the family tools; its policy is the pillar inguest:tools.
VMware Tools are current and do no more than they should:
  inguest.tools: []
