# Only the family proxy; its policy is the pillar inguest:proxy.
web traffic goes through the approved proxy:
  inguest.proxy: []
