"""The script's part for the list of findings: filters, order, and one that is opened."""

FINDINGS = r"""
const PAGE = 50;
const NAMED = 200;

function findingsList(fleet) {
  const list = $("find-list"), more = $("find-more"), told = $("find-count");
  const only = { control: -1, hosts: null, label: "" };   /* set by the map and by the table of hosts */
  let found = [], shown = 0;

  const fill = (select, words) => select.append(...words.map((word, i) => make("option", { value: i }, word)));
  fill($("find-severity"), fleet.severities);
  fill($("find-verdict"), fleet.verdicts);
  const families = [...new Set(fleet.controls.map((control) => control[1]))];
  $("find-family").append(...families.map((name) => make("option", { value: name }, name)));

  /* What is searched of a finding, made once it is asked for. */
  const words = fleet.findings.map(() => null);
  function textOf(i) {
    if (words[i] === null) {
      const f = fleet.findings[i], control = fleet.controls[f.c];
      words[i] = [control[0], control[2], f.r, f.o, f.x, f.m, ...f.e].join("\n").toLowerCase();
    }
    return words[i];
  }

  /* The hosts of a finding that are wanted: a list of places in its h. */
  function places(finding, named, textFits, days) {
    const out = [];
    for (let i = 0; i < finding.h.length; i += 1) {
      const host = finding.h[i];
      if (only.hosts && !only.hosts.has(host)) continue;
      if (!textFits && !named[host]) continue;
      const age = (fleet.now - finding.t0 - (finding.t ? finding.t[i] : 0)) / 86400;
      if (days < 0 ? age >= -days : age < days) continue;
      out.push(i);
    }
    return out;
  }

  function filter() {
    const severity = $("find-severity").value, verdict = $("find-verdict").value;
    const family = $("find-family").value, days = Number($("find-age").value);
    const text = $("find-text").value.trim().toLowerCase();
    const named = fleet.hosts.map((name) => text !== "" && name.toLowerCase().includes(text));
    found = [];
    fleet.findings.forEach((finding, i) => {
      if (severity !== "" && finding.s !== Number(severity)) return;
      if (verdict !== "" && finding.v !== Number(verdict)) return;
      if (family !== "" && fleet.controls[finding.c][1] !== family) return;
      if (only.control >= 0 && finding.c !== only.control) return;
      const at = places(finding, named, text === "" || textOf(i).includes(text), days);
      if (!at.length) return;
      const times = at.map((p) => finding.t0 + (finding.t ? finding.t[p] : 0));
      found.push({ finding, at, oldest: Math.min(...chunked(times, Math.min)), newest: Math.max(...chunked(times, Math.max)) });
    });
    order();
    draw();
  }

  /* Math.min(...list) of a very long list is too many arguments. */
  function chunked(list, best) {
    const out = [];
    for (let i = 0; i < list.length; i += 4096) out.push(best(...list.slice(i, i + 4096)));
    return out;
  }

  function order() {
    const ways = {
      worst: () => 0,   /* the order of the block */
      hosts: (a, b) => b.at.length - a.at.length,
      oldest: (a, b) => a.oldest - b.oldest,
      newest: (a, b) => b.newest - a.newest,
      control: (a, b) => a.finding.c - b.finding.c,
    };
    found.sort(ways[$("find-order").value]);
  }

  function draw() {
    list.replaceChildren();
    shown = 0;
    grow();
    const entries = found.reduce((sum, entry) => sum + entry.at.length, 0);
    const on = new Set();
    for (const entry of found) for (const p of entry.at) on.add(entry.finding.h[p]);
    let text = found.length
      ? number(found.length) + (found.length === 1 ? " finding, " : " findings, ") + number(entries) + " times, on " + hostsWord(on.size)
      : "No finding";
    const named = [];
    if (only.control >= 0) named.push("of " + fleet.controls[only.control][0]);
    if (only.label) named.push("on " + only.label);
    if (named.length) text += ", only those " + named.join(" ");
    told.textContent = text + ".";
  }

  function grow() {
    const next = found.slice(shown, shown + PAGE);
    list.append(...next.map(item));
    shown += next.length;
    more.hidden = shown >= found.length;
    more.textContent = "Show more (" + number(found.length - shown) + " left)";
    return next.length;
  }

  /* What tells it from others of its control, where it is one of a list. */
  function brief(finding) {
    const cut = (text) => (text.length > 60 ? text.slice(0, 60) + "…" : text);
    if (finding.x && finding.v !== 2) return " " + cut(finding.o || "nothing") + " → " + cut(finding.x);
    return finding.o || finding.m ? " " + cut(finding.o || finding.m) : "";
  }

  function item(entry) {
    const { finding, at, oldest } = entry, control = fleet.controls[finding.c];
    const severity = fleet.severities[finding.s];
    const head = make("span", { class: "head" },
      make("span", { class: "sev s-" + severity }, severity),
      make("span", {}, fleet.verdicts[finding.v]),
      make("span", { class: "what" }, make("code", {}, control[0]), " ", finding.r === control[0] ? "" : finding.r,
        make("span", { class: "quiet" }, brief(finding))),
      make("span", {}, at.length === 1 ? fleet.hosts[finding.h[at[0]]] : hostsWord(at.length)),
      make("span", { class: "quiet" }, "for " + span(fleet.now - oldest)));
    const details = make("details", {}, make("summary", {}, head));
    details.addEventListener("toggle", () => { if (details.open) open(details, entry); });
    details.unfold = () => open(details, entry);
    return make("li", {}, details);
  }

  /* The body of a finding is made when it is opened first. */
  function open(details, entry) {
    if (details.childElementCount > 1) return;
    const { finding, at } = entry, control = fleet.controls[finding.c];
    const dl = make("dl", {});
    const line = (title, ...said) => dl.append(make("dt", {}, title), make("dd", {}, ...said));
    const code = (text) => make("code", {}, text);
    if (control[2]) line("Control", control[2]);
    if (finding.r !== control[0]) line("Resource", code(finding.r));
    if (finding.o) line("Observed", code(finding.o));
    if (finding.x) line("Expected", code(finding.x));
    if (finding.m) line("Comment", finding.m);
    const groups = new Map();   /* hosts by their evidence */
    for (const p of at) {
      const which = finding.w ? finding.w[p] : 0;
      if (!groups.has(which)) groups.set(which, []);
      groups.get(which).push(p);
    }
    if (groups.size === 1) line("Evidence", code(finding.e[[...groups.keys()][0]] || "none"));
    const body = make("div", { class: "body" }, dl);
    const shownGroups = [...groups].slice(0, NAMED);
    for (const [which, members] of shownGroups) {
      const title = groups.size > 1 ? make("p", {}, code(finding.e[which] || "no evidence"), " on " + hostsWord(members.length) + ":") : make("p", {}, "Failing since, on " + hostsWord(members.length) + ":");
      body.append(title, names(finding, members, groups.size > 20 ? 20 : NAMED));
    }
    if (groups.size > shownGroups.length) body.append(make("p", {}, "… and " + number(groups.size - shownGroups.length) + " other evidences"));
    details.append(body);
  }

  function names(finding, members, most) {
    const ul = make("ul", { class: "names" });
    const name = (p) => {
      const since = finding.t0 + (finding.t ? finding.t[p] : 0);
      return make("li", {}, fleet.hosts[finding.h[p]] + ", ",
        make("time", { datetime: new Date(since * 1000).toISOString() }, moment(since)),
        make("span", { class: "quiet" }, " (" + span(fleet.now - since) + ")"));
    };
    const some = (from) => {
      ul.append(...members.slice(from, from + most).map(name));
      const next = from + most;
      if (next < members.length) {
        const rest = make("li", { class: "more" });
        rest.append(make("button", { type: "button", class: "bare", click: () => { rest.remove(); some(next); } },
          "and " + number(members.length - next) + " more"));
        ul.append(rest);
      }
    };
    some(0);
    return ul;
  }

  function show(control, hosts, label) {
    only.control = control;
    only.hosts = new Set(hosts);
    only.label = label;
    filter();
    $("findings").scrollIntoView();
    $("findings").focus({ preventScroll: true });
  }

  for (const id of ["find-severity", "find-verdict", "find-family", "find-age"]) $(id).addEventListener("change", filter);
  $("find-order").addEventListener("change", () => { order(); draw(); });
  $("find-text").addEventListener("input", later(filter, 150));
  $("find-all").addEventListener("click", () => {
    for (const id of ["find-severity", "find-verdict", "find-family", "find-text"]) $(id).value = "";
    $("find-age").value = "0";
    only.control = -1; only.hosts = null; only.label = "";
    filter();
  });
  more.addEventListener("click", () => {
    const before = shown;
    grow();
    const first = list.children[before];
    if (first) first.querySelector("summary").focus();
  });
  $("find-live").hidden = false;
  filter();
  return { show };
}
"""
