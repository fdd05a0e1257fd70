"""The script's first part: what the block holds, and small words for elements and times."""

FLEET = r"""
const $ = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString("en");
const hostsWord = (n) => number(n) + (n === 1 ? " host" : " hosts");
const LETTERS = { d: "drift", e: "error", u: "unknown", w: "waived", n: "not_applicable", c: "compliant" };

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== "" && child !== null && child !== undefined));
  return element;
}

function moment(seconds) {
  return seconds ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : "never";
}

function span(seconds) {
  for (const [size, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const n = Math.floor(seconds / size);
    if (n >= 1) return n + " " + name + (n === 1 ? "" : "s");
  }
  return "less than a minute";
}

function later(work, wait) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(work, wait); };
}

/* The block: base64, deflate, JSON. */
async function unpack() {
  const text = $("data").textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const fleet = JSON.parse(await new Response(stream).text());
  if (fleet.format !== 1) throw new Error("this page's data are of another format");
  fleet.drift = fleet.severities.map(() => new Uint32Array(fleet.hosts.length));
  for (const finding of fleet.findings) {
    let host = 0;
    finding.h = finding.h.map((distance) => (host += distance));
    finding.newest = finding.t0 + (finding.t ? finding.t.reduce((a, b) => Math.max(a, b), 0) : 0);
    if (finding.v === 0) for (const h of finding.h) fleet.drift[finding.s][h] += 1;
  }
  return fleet;
}

/* How bad a host is, to sort by: a higher severity outweighs any number of a lower one. */
function weight(fleet, host) {
  return fleet.drift.reduce((sum, column) => sum * 1000 + Math.min(999, column[host]), 0);
}
"""
