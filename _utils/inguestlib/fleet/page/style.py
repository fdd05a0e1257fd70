"""The page's style sheet: light and dark, wide and narrow, screen and paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --raised: #f5f6f8; --ink: #1c2128; --quiet: #57606a; --line: #d5dae0;
  --link: #0b57b0; --focus: #0b57b0;
  --high: #b3261e; --medium: #9a5200; --low: #6b5f00; --info: #3d5a80;
  --compliant: #a9dcc3; --drift: #d1372b; --error: #7d3cb5; --unknown: #e3b100;
  --waived: #4f9fdb; --not_applicable: #d9dce1; --none: #ffffff;
  --good: #1a6b3c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --raised: #1d232c; --ink: #e2e6ec; --quiet: #a3adba; --line: #3a424e;
    --link: #7ab7ff; --focus: #7ab7ff;
    --high: #ff8a80; --medium: #f0b060; --low: #e0d070; --info: #a8c4e8;
    --compliant: #1f5a41; --drift: #ff6a5c; --error: #b98aea; --unknown: #d9a900;
    --waived: #3f8fcb; --not_applicable: #39414c; --none: #14181f;
    --good: #7fd8a4;
  }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --raised: #ffffff; --ink: #000000; --quiet: #333333; --line: #999999;
    --link: #000000; --high: #b3261e; --medium: #9a5200; --low: #6b5f00; --info: #3d5a80;
    --compliant: #a9dcc3; --drift: #d1372b; --error: #7d3cb5; --unknown: #e3b100;
    --waived: #4f9fdb; --not_applicable: #d9dce1; --none: #ffffff; --good: #1a6b3c;
  }
  body { font-size: 10pt; }
  .controls, .skip, nav, .more, .only-screen { display: none !important; }
  section, details, tr, figure { break-inside: avoid; }
  section { break-inside: auto; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
code { font: .9em/1.4 ui-monospace, monospace; }
.quiet { color: var(--quiet); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; background: var(--paper); padding: .5rem; z-index: 1; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: .75rem 0; }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  list-style: none; padding: 0; margin: .75rem 0; }
.cards > li { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .8rem; border-left: .35rem solid var(--line); }
.cards b { display: block; font-size: 1.6rem; line-height: 1.2; }
.cards .of-drift, .cards .of-high { border-left-color: var(--drift); }
.cards .of-trouble { border-left-color: var(--error); }
.cards .of-unknown { border-left-color: var(--unknown); }
.cards .of-silent, .cards .of-aside { border-left-color: var(--quiet); }
.cards .of-clean { border-left-color: var(--good); }
.cards .of-medium { border-left-color: var(--medium); }
.cards .of-low { border-left-color: var(--low); }
.cards .of-info { border-left-color: var(--info); }

figure { margin: .75rem 0; }
svg, canvas { display: block; width: 100%; }
svg { height: auto; }
svg text { font-size: 12px; fill: var(--quiet); }
svg .grid { stroke: var(--line); }
svg .of-high { fill: var(--drift); } svg .of-medium { fill: var(--unknown); }
svg .of-low { fill: var(--waived); } svg .of-info { fill: var(--not_applicable); }
canvas { border: 1px solid var(--line); image-rendering: pixelated; touch-action: manipulation;
  cursor: crosshair; }
.legend { list-style: none; padding: 0; margin: .5rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
.swatch { display: inline-block; width: .9em; height: .9em; border: 1px solid var(--quiet);
  vertical-align: -.1em; margin-right: .35em; }
.swatch.v-compliant { background: var(--compliant); } .swatch.v-drift { background: var(--drift); }
.swatch.v-error { background: var(--error); } .swatch.v-unknown { background: var(--unknown); }
.swatch.v-waived { background: var(--waived); }
.swatch.v-not_applicable, .swatch.s-info { background: var(--not_applicable); }
.swatch.v-none { background: var(--none); }
.swatch.s-high { background: var(--drift); } .swatch.s-medium { background: var(--unknown); }
.swatch.s-low { background: var(--waived); }

.controls { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin: .75rem 0; }
.controls label { display: block; font-size: .85rem; color: var(--quiet); }
.controls .wide { flex: 1 1 14rem; }
input, select, button { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--quiet); border-radius: .35rem; padding: .3rem .5rem; max-width: 100%;
  min-height: 2.25rem; }
.controls input { width: 100%; }
button { cursor: pointer; background: var(--raised); }
button:disabled { opacity: .5; cursor: default; }
button.bare { border: 0; background: none; padding: 0; min-height: 1.6rem; color: var(--link); text-decoration: underline;
  text-align: left; }

details > summary { cursor: pointer; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: .9rem; }
thead th, td { overflow-wrap: normal; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td b { color: var(--high); }
thead button { border: 0; background: none; padding: 0; font-weight: bold; }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }

.findings { list-style: none; padding: 0; margin: 0; }
.findings > li { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
.findings summary { padding: .55rem .8rem; cursor: pointer; }
.findings summary .head { display: inline-flex; flex-wrap: wrap; gap: .1rem .75rem; width: calc(100% - 1.5rem);
  vertical-align: top; }
.findings .what { flex: 1 1 18rem; }
.findings .body { padding: 0 .8rem .7rem; }
.findings details[open] > summary { background: var(--raised); border-radius: .5rem .5rem 0 0; }
.sev { font-weight: bold; min-width: 4.5rem; }
.sev.s-high { color: var(--high); } .sev.s-medium { color: var(--medium); }
.sev.s-low { color: var(--low); } .sev.s-info { color: var(--info); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; }
.names { list-style: none; padding: 0; margin: .25rem 0; columns: 18rem; }
.names li { break-inside: avoid; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); }

@media (max-width: 40rem) {
  .minor { display: none; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  th, td { padding: .3rem .25rem; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""
