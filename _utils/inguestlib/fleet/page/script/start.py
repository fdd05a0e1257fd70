"""The script's last part: what happens when the page is there, and when it is printed."""

START = r"""
/* On paper each finding that is shown is open. */
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("#find-list details:not([open])")];
  for (const details of unfolded) { if (details.unfold) details.unfold(); details.open = true; }
});
addEventListener("afterprint", () => { for (const details of unfolded) details.open = false; });

unpack().then((fleet) => {
  const findings = findingsList(fleet);
  hostsTable(fleet, findings);
  heatmap(fleet, findings);
  $("controls").open = false;   /* the map shows them */
  document.documentElement.dataset.ready = "yes";
}).catch((error) => {
  document.documentElement.dataset.ready = "no";
  $("find-count").textContent = "Only the worst findings are shown: this browser could not read the rest (" + error.message + ").";
});
"""
