"""The script's part for the map of hosts and controls: one canvas, whatever the fleet's size."""

HEATMAP = r"""
const TALL = 360;   /* rows of the whole map; more hosts than that share rows */
const CELL = 8;     /* width of a control in the canvas' own pixels */

function heatmap(fleet, findings) {
  const canvas = $("map-canvas"), here = $("map-here"), controls = fleet.controls.length;
  const screen = canvas.getContext("2d");
  const drawn = document.createElement("canvas"), pen = drawn.getContext("2d");   /* without the mark */
  if (!controls || !fleet.hosts.length) return;
  const byName = Uint32Array.from(fleet.hosts, (_name, h) => h);
  const weights = Float64Array.from(fleet.hosts, (_name, h) => weight(fleet, h));
  const byWeight = byName.slice().sort((a, b) => weights[b] - weights[a] || a - b);
  let order = byWeight, from = 0, to = order.length, bins = 0, high = 1, x = 0, y = 0;

  const first = (bin) => from + Math.floor((bin * (to - from)) / bins);
  const members = (bin) => order.subarray(first(bin), first(bin + 1));

  function count(control, bin) {
    const column = fleet.vectors[control], out = { d: 0, e: 0, u: 0, w: 0, n: 0, c: 0, "-": 0 };
    for (const h of members(bin)) out[column[h]] += 1;
    return out;
  }

  function colours() {
    const style = getComputedStyle(document.documentElement), out = {};
    for (const [letter, name] of Object.entries(LETTERS)) out[letter] = style.getPropertyValue("--" + name).trim();
    out["-"] = style.getPropertyValue("--none").trim();
    out.ink = style.getPropertyValue("--ink").trim();
    return out;
  }

  /* A cell of several hosts has the colour of what most of them are, and drift over it: the
     stronger, the more of them drift, but never so faint that nobody sees it. */
  function draw() {
    bins = Math.min(TALL, to - from);
    high = Math.max(1, Math.min(24, Math.floor(TALL / bins)));
    canvas.width = drawn.width = controls * CELL;
    canvas.height = drawn.height = bins * high;
    canvas.style.height = Math.max(24, bins * high) + "px";
    const ink = colours();
    for (let control = 0; control < controls; control += 1) {
      for (let bin = 0; bin < bins; bin += 1) {
        const found = count(control, bin), all = first(bin + 1) - first(bin);
        let most = "-";
        for (const letter of "cnwue") if (found[letter] && found[letter] >= (found[most] || 0)) most = letter;
        pen.globalAlpha = 1;
        pen.fillStyle = ink[most];
        pen.fillRect(control * CELL, bin * high, CELL, high);
        if (found.d) {
          pen.globalAlpha = 0.35 + 0.65 * (found.d / all);
          pen.fillStyle = ink.d;
          pen.fillRect(control * CELL, bin * high, CELL, high);
        }
      }
    }
    /* A line where a family begins. */
    pen.globalAlpha = 0.4;
    pen.fillStyle = ink.ink;
    fleet.controls.forEach((control, i) => {
      if (i && control[1] !== fleet.controls[i - 1][1]) pen.fillRect(i * CELL - 1, 0, 1, canvas.height);
    });
    pen.globalAlpha = 1;
    $("map-out").disabled = from === 0 && to === order.length;
    mark();
  }

  function mark() {
    x = Math.max(0, Math.min(controls - 1, x));
    y = Math.max(0, Math.min(bins - 1, y));
    screen.drawImage(drawn, 0, 0);
    if (document.activeElement === canvas || touched) {
      screen.strokeStyle = colours().ink;
      screen.lineWidth = 2;
      screen.strokeRect(x * CELL - 1, y * high - 1, CELL + 2, high + 2);
    }
    here.textContent = place();
  }
  let touched = false;

  function label() {
    const hosts = members(y);
    return hosts.length === 1 ? fleet.hosts[hosts[0]]
      : fleet.hosts[hosts[0]] + " to " + fleet.hosts[hosts[hosts.length - 1]] + " (" + hostsWord(hosts.length) + ")";
  }

  function place() {
    const control = fleet.controls[x], found = count(x, y);
    const said = Object.entries(LETTERS).filter(([letter]) => found[letter])
      .map(([letter, name]) => number(found[letter]) + " " + name.replace("_", " "));
    if (found["-"]) said.push(number(found["-"]) + " not judged");
    const verdict = members(y).length === 1 ? said.join("").replace(/^1 /, "") : said.join(", ");
    return control[0] + " (" + control[3] + "), " + label() + ": " + verdict + ".";
  }

  function into() {
    const hosts = members(y);
    if (hosts.length === 1) { findings.show(x, hosts, label()); return; }
    const begin = first(y), end = first(y + 1);
    from = begin; to = end; y = 0;
    draw();
  }

  function whole() { from = 0; to = order.length; draw(); }

  const moves = {
    ArrowLeft: () => { x -= 1; }, ArrowRight: () => { x += 1; },
    ArrowUp: () => { y -= 1; }, ArrowDown: () => { y += 1; },
    PageUp: () => { y -= 20; }, PageDown: () => { y += 20; },
    Home: () => { x = 0; }, End: () => { x = controls - 1; },
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") into();
    else if (event.key === "Escape") whole();
    else if (moves[event.key]) { moves[event.key](); mark(); }
    else return;
    event.preventDefault();
  });
  function point(event) {
    const box = canvas.getBoundingClientRect();
    x = Math.floor(((event.clientX - box.left) / box.width) * controls);
    y = Math.floor(((event.clientY - box.top) / box.height) * bins);
    touched = true;
    mark();
  }
  canvas.addEventListener("click", point);
  canvas.addEventListener("dblclick", (event) => { point(event); into(); });
  canvas.addEventListener("focus", () => mark());
  canvas.addEventListener("blur", () => mark());
  $("map-out").addEventListener("click", whole);
  $("map-find").addEventListener("click", () => findings.show(x, members(y), label()));
  $("map-order").addEventListener("change", () => { order = $("map-order").value === "name" ? byName : byWeight; whole(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  /* On paper everything is light. */
  addEventListener("beforeprint", draw);
  addEventListener("afterprint", draw);
  $("map-live").hidden = false;
  draw();
}
"""
