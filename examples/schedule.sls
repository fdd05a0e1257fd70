# Pillar. Every minion audits itself once an hour, at a time of its own within ten minutes, and
# tells its master: a report when something is new, else a heartbeat of a few hundred bytes.
schedule:
  inguest-report:
    function: inguest.report
    minutes: 60
    splay: 600
    # The first one soon after the minion's start.
    run_on_start: true
    # One at a time, and no return: the message itself is what the master gets.
    maxrunning: 1
    return_job: false
