"""The script's part for the table of hosts: filter, order by any column."""

HOSTS = r"""
function hostsTable(fleet, findings) {
  const list = $("host-list"), more = $("host-more"), told = $("host-count"), table = $("host-table");
  const keys = {
    name: (h) => fleet.hosts[h],
    standing: (h) => fleet.standing[h],
    seen: (h) => fleet.seen[h],
    system: (h) => fleet.systems[fleet.system[h]],
  };
  fleet.severities.forEach((name, s) => { keys[name] = (h) => fleet.drift[s][h]; });
  const falling = new Set(fleet.severities);   /* numbers begin with the largest */
  let by = "", down = false, found = [], shown = 0;

  const standings = [...new Set(fleet.standing)].sort();
  $("host-standing").append(...standings.map((name) => make("option", { value: name }, name)));

  /* The script's first order is the page's own: the silent, then the worst. */
  const rank = fleet.hosts.map((_name, h) => (fleet.standing[h] === "silent" ? 1e13 : 0) + weight(fleet, h));

  function filter() {
    const text = $("host-text").value.trim().toLowerCase(), standing = $("host-standing").value;
    found = [];
    for (let h = 0; h < fleet.hosts.length; h += 1) {
      if (standing && fleet.standing[h] !== standing) continue;
      if (text && !fleet.hosts[h].toLowerCase().includes(text) && !keys.system(h).toLowerCase().includes(text)) continue;
      found.push(h);
    }
    if (by === "") found.sort((a, b) => rank[b] - rank[a] || a - b);
    else {
      const key = keys[by], way = down ? -1 : 1;
      found.sort((a, b) => {
        const one = key(a), two = key(b);
        return (one < two ? -way : one > two ? way : 0) || a - b;
      });
    }
    draw();
  }

  function draw() {
    list.replaceChildren();
    shown = 0;
    grow();
    told.textContent = hostsWord(found.length) + (by === "" ? ", silent ones first, then the worst." : ".");
  }

  function grow() {
    const next = found.slice(shown, shown + PAGE);
    list.append(...next.map(row));
    shown += next.length;
    more.hidden = shown >= found.length;
    more.textContent = "Show more (" + number(found.length - shown) + " left)";
  }

  function row(h) {
    const name = fleet.hosts[h];
    const button = make("button", { type: "button", class: "bare", click: () => findings.show(-1, [h], name) }, name);
    return make("tr", {},
      make("th", { scope: "row" }, button),
      make("td", {}, fleet.standing[h] + (fleet.standing[h] === "silent" && fleet.seen[h] ? " for " + span(fleet.now - fleet.seen[h]) : "")),
      ...fleet.drift.map((column, s) => make("td", { class: s > 1 ? "n minor" : "n" }, number(column[h]))),
      make("td", { class: "minor" }, moment(fleet.seen[h])),
      make("td", { class: "minor" }, keys.system(h)));
  }

  for (const th of table.querySelectorAll("th[data-key]")) {
    const key = th.dataset.key, title = th.textContent;
    th.replaceChildren(make("button", { type: "button", click: () => {
      if (by === key) down = !down;
      else { by = key; down = falling.has(key); }
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      filter();
    } }, title));
  }
  $("host-text").addEventListener("input", later(filter, 150));
  $("host-standing").addEventListener("change", filter);
  more.addEventListener("click", () => {
    const before = shown;
    grow();
    const first = list.children[before];
    if (first) first.querySelector("button").focus();
  });
  $("host-live").hidden = false;
  filter();
}
"""
