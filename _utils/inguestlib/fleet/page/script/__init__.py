"""The page's script, put together of its parts: plain JavaScript, no library.

It makes elements and text nodes only; there is no way in it from a text to markup. The parts share
one function's scope, in this order.
"""

from inguestlib.fleet.page.script.findings import FINDINGS
from inguestlib.fleet.page.script.fleet import FLEET
from inguestlib.fleet.page.script.heatmap import HEATMAP
from inguestlib.fleet.page.script.hosts import HOSTS
from inguestlib.fleet.page.script.start import START

SCRIPT = f'"use strict";\n(() => {{{FLEET}{FINDINGS}{HOSTS}{HEATMAP}{START}}})();\n'
