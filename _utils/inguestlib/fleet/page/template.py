"""The page's markup, for Jinja2 with autoescape. What it says is there without the script, too."""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="inguest {{ version }}">
<title>Fleet report, {{ fleet.now | moment }}</title>
<link rel="icon" href="data:,">
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<h1>The fleet by its policy</h1>
<p class="quiet">{{ fleet.hosts | length | count }} hosts, {{ fleet.controls | length }} controls,
as stored on <time datetime="{{ fleet.now | iso }}">{{ fleet.now | moment }}</time>.</p>
<nav aria-label="Parts of the report"><ul>
<li><a href="#glance">At a glance</a></li>
<li><a href="#trend">Over time</a></li>
<li><a href="#map">Hosts and controls</a></li>
<li><a href="#findings">Findings</a></li>
<li><a href="#hosts">Hosts</a></li>
{% if fleet.aside %}<li><a href="#aside">Set aside</a></li>{% endif %}
</ul></nav>
</header>
<main id="main" tabindex="-1">

<section aria-labelledby="glance">
<h2 id="glance">At a glance</h2>
<h3>Hosts</h3>
<ul class="cards">
{% for name, number in fleet.standings.items() if number or name in ("drift", "silent", "clean") %}
<li class="of-{{ name }}"><b>{{ number | count }}</b> {{ states[name] }}</li>
{% endfor %}
<li class="of-aside"><b>{{ fleet.aside | length | count }}</b> {{ "message" if fleet.aside | length == 1 else "messages" }} set aside</li>
</ul>
<h3>Open drift</h3>
<ul class="cards">
{% for name, found in fleet.drifting.items() %}
<li class="of-{{ name }}"><b>{{ found[0] | count }}</b> {{ name }}, on {{ found[1] | hosts }}</li>
{% endfor %}
</ul>
<p>{% for name, number in fleet.findings.open.items() if name != "drift" %}{{ number | count }}
{{ name }}{{ ", " if not loop.last else "" }}{% endfor %} beside it. A host is silent when nothing was heard
of it for {{ fleet.silent_after | span }}; what it said last is still counted among the findings.</p>
</section>

<section aria-labelledby="trend">
<h2 id="trend">Drift over time</h2>
{% if trend %}
<figure>
<svg viewBox="0 0 {{ trend.wide }} {{ trend.high }}" role="img" aria-labelledby="trend-title trend-words">
<title id="trend-title">Findings that drift, by day and severity</title>
<desc id="trend-words">{{ trend_words }}</desc>
{% for y, number in trend.lines %}
<line class="grid" x1="{{ trend.left }}" x2="{{ trend.right }}" y1="{{ y }}" y2="{{ y }}"/>
<text x="{{ trend.left - 6 }}" y="{{ y + 4 }}" text-anchor="end">{{ number | count }}</text>
{% endfor %}
{% for severity, points in trend.areas %}
<polygon class="of-{{ severity }}" points="{{ points }}"/>
{% endfor %}
{% for x, day, anchor in trend.days %}
<text x="{{ x }}" y="{{ trend.below }}" text-anchor="{{ anchor }}">{{ day }}</text>
{% endfor %}
</svg>
<figcaption>
<ul class="legend">
{% for name in severities %}<li><span class="swatch s-{{ name }}"></span>{{ name }}</li>{% endfor %}
</ul>
<p>{{ trend_words }}</p>
</figcaption>
</figure>
<details><summary>The same as a table</summary>
<table>
<thead><tr><th scope="col">Day</th>{% for name in severities %}
<th scope="col" class="n">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for day, found in fleet.trend | reverse %}
<tr><th scope="row">{{ day }}</th>{% for n in found %}<td class="n">{{ n | count }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></details>
{% else %}
<p>{{ trend_words }}</p>
{% endif %}
</section>

<section aria-labelledby="map">
<h2 id="map">Hosts and controls</h2>
<div id="map-live" hidden>
<div class="controls" role="group" aria-label="The map">
<div><label for="map-order">Order of the hosts</label>
<select id="map-order"><option value="worst">worst first</option><option value="name">by name</option></select></div>
<button type="button" id="map-out" disabled>Show all hosts</button>
<button type="button" id="map-find">Findings of this place</button>
</div>
<p id="map-help" class="only-screen quiet">A column is a control, a row a host, or several where there are many. The arrow
keys move, Enter goes into a row of several hosts or shows the findings of one, Escape goes back. The
table below it has the same in numbers.</p>
<canvas id="map-canvas" tabindex="0" role="application" aria-roledescription="heat map"
aria-label="Verdicts of hosts by controls" aria-describedby="map-help map-here"></canvas>
<p id="map-here" aria-live="polite">&nbsp;</p>
<ul class="legend">
{% for mark, name in letters.items() %}<li><span class="swatch v-{{ name }}"></span>{{ name | words }}</li>{% endfor %}
<li><span class="swatch v-none"></span>not judged</li>
</ul>
</div>
<details id="controls" open><summary>The controls in numbers, most drift first</summary>
<div class="scroll" role="region" aria-label="Controls" tabindex="0">
<table>
<thead><tr><th scope="col">Control</th><th scope="col">Severity</th>
<th scope="col" class="n">Drift</th><th scope="col" class="n minor">Error</th>
<th scope="col" class="n minor">Unknown</th><th scope="col" class="n minor">Waived</th>
<th scope="col" class="n minor">Not applicable</th><th scope="col" class="n">Compliant</th></tr></thead>
<tbody>
{% for c in controls %}
<tr><th scope="row"><code>{{ c.id | clean }}</code>{% if c.title %}<br><span class="quiet minor">{{ c.title }}</span>{% endif %}</th>
<td><span class="sev s-{{ c.severity }}">{{ c.severity }}</span></td>
<td class="n">{% if c.counts.drift %}<b>{{ c.counts.drift | count }}</b>{% else %}0{% endif %}</td>
{% for name in ("error", "unknown", "waived", "not_applicable") %}<td class="n minor">{{ c.counts[name] | count }}</td>{% endfor %}
<td class="n">{{ c.counts.compliant | count }}</td></tr>
{% endfor %}
</tbody></table>
</div></details>
</section>

<section aria-labelledby="findings">
<h2 id="findings" tabindex="-1">Findings</h2>
<div id="find-live" class="controls" role="group" aria-label="Which findings" hidden>
<div class="wide"><label for="find-text">Words in the finding, or a host's name</label>
<input type="search" id="find-text" autocomplete="off" spellcheck="false"></div>
<div><label for="find-severity">Severity</label><select id="find-severity"><option value="">all</option></select></div>
<div><label for="find-verdict">Verdict</label><select id="find-verdict"><option value="">all</option></select></div>
<div><label for="find-family">Family</label><select id="find-family"><option value="">all</option></select></div>
<div><label for="find-age">Failing for</label><select id="find-age"><option value="0">any time</option>
<option value="-1">less than a day</option><option value="1">a day or more</option>
<option value="7">a week or more</option><option value="30">30 days or more</option></select></div>
<div><label for="find-order">Order</label><select id="find-order"><option value="worst">worst first</option>
<option value="hosts">most hosts first</option><option value="oldest">oldest first</option>
<option value="newest">newest first</option><option value="control">by control</option></select></div>
<button type="button" id="find-all">Show all</button>
</div>
<p id="find-count" role="status">{% if fleet.ranked | length > worst | length -%}
The {{ worst | length }} worst of {{ fleet.ranked | length | count }} findings that differ;
with scripts allowed this page shows, filters and sorts them all.
{%- elif not fleet.ranked %}No open finding.{% endif %}</p>
<ul class="findings" id="find-list">
{% for f in worst %}
<li><details><summary><span class="head"><span class="sev s-{{ f.severity }}">{{ f.severity }}</span>
<span>{{ f.verdict }}</span>
<span class="what"><code>{{ f.control }}</code> {{ f.resource if f.resource != f.control else "" }}
{% if f.expected and f.verdict != "unknown" %}<span class="quiet">{{ f.observed | cut or "nothing" }} → {{ f.expected | cut }}</span>{% endif %}</span>
<span>{{ f.hosts | hosts }}</span> <span class="quiet">since {{ f.oldest | moment }}</span></span></summary>
<div class="body"><dl>
{% if f.title %}<dt>Control</dt><dd>{{ f.title }}</dd>{% endif %}
{% if f.observed %}<dt>Observed</dt><dd><code>{{ f.observed }}</code></dd>{% endif %}
{% if f.expected %}<dt>Expected</dt><dd><code>{{ f.expected }}</code></dd>{% endif %}
{% if f.comment %}<dt>Comment</dt><dd>{{ f.comment }}</dd>{% endif %}
<dt>Evidence</dt><dd>{% for text in f.evidence %}<code>{{ text or "none" }}</code>{{ "; " if not loop.last else "" }}{% endfor %}</dd>
<dt>Hosts</dt><dd>{% for name, since in f.names %}{{ name }} ({{ since | moment }}){{ ", " if not loop.last else "" }}{% endfor %}
{%- if f.hosts > f.names | length %} and {{ (f.hosts - f.names | length) | count }} more{% endif %}</dd>
</dl></div></details></li>
{% endfor %}
</ul>
<button type="button" id="find-more" class="more" hidden>Show more</button>
</section>

<section aria-labelledby="hosts">
<h2 id="hosts" tabindex="-1">Hosts</h2>
<div id="host-live" class="controls" role="group" aria-label="Which hosts" hidden>
<div class="wide"><label for="host-text">Name or system</label>
<input type="search" id="host-text" autocomplete="off" spellcheck="false"></div>
<div><label for="host-standing">State</label><select id="host-standing"><option value="">all</option></select></div>
</div>
<p id="host-count" role="status">{% if fleet.hosts | length > first | length -%}
The {{ first | length }} worst of {{ fleet.hosts | length | count }} hosts, silent ones first.{% endif %}</p>
<div class="scroll" role="region" aria-label="Hosts" tabindex="0">
<table id="host-table">
<thead><tr>
{% for key, title, class in columns %}<th scope="col" class="{{ class }}" data-key="{{ key }}">{{ title }}</th>{% endfor %}
</tr></thead>
<tbody id="host-list">
{% for h in first %}
<tr><th scope="row">{{ h.name }}</th><td>{{ h.standing }}{% if h.standing == "silent" and h.seen %} for {{ (fleet.now.timestamp() - h.seen) | about }}{% endif %}</td>
{% for n in h.drift %}<td class="n{{ ' minor' if loop.index > 2 else '' }}">{{ n }}</td>{% endfor %}
<td class="minor">{{ h.seen | moment }}</td><td class="minor">{{ h.system }}</td></tr>
{% endfor %}
</tbody></table>
</div>
<button type="button" id="host-more" class="more" hidden>Show more</button>
</section>

{% if fleet.aside %}
<section aria-labelledby="aside">
<h2 id="aside">Set aside</h2>
<p>Messages that were not believed, and are not counted above: signed by another's key, out of their chain, said
twice, or of another time.{% if fleet.aside | length > aside | length %} The last {{ aside | length }} of
{{ fleet.aside | length | count }}.{% endif %}</p>
<div class="scroll" role="region" aria-label="Messages that were set aside" tabindex="0">
<table><thead><tr><th scope="col">Host</th><th scope="col">Received</th><th scope="col">Why</th></tr></thead>
<tbody>{% for row in aside %}<tr><th scope="row">{{ row.host }}</th><td>{{ row.received | moment }}</td><td>{{ row.why }}</td></tr>
{% endfor %}</tbody></table>
</div>
</section>
{% endif %}
</main>
<footer><p class="quiet">Made by inguest {{ version }}. Times are UTC. This page is whole by itself: it asks no
server for anything.</p></footer>
<script type="application/octet-stream" id="data">{% for piece in block %}{{ piece }}{% endfor %}</script>
<script>{{ script }}</script>
</body>
</html>
"""
