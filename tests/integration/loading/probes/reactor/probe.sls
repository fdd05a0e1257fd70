note what the reactor's own process is made of:
  runner.probe.note:
    - args:
        - path: {{ data['path'] if 'path' in data else data['data']['path'] }}
