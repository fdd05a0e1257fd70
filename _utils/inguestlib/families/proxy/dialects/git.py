"""git: libcurl's rules; but a variable that is set and empty counts: then no other one does.

Source: ``get_curl_handle`` of git's http.c.
"""

from inguestlib.families.proxy.dialects import curl

NAME = "git"
PROXY = curl.PROXY
EXCEPTIONS = curl.EXCEPTIONS
EMPTY_PROXY_COUNTS = EMPTY_LIST_COUNTS = True
matches = curl.matches
