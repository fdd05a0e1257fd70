"""git: libcurl's rules; but of its two variables for the list a set and empty one counts as well.

Source: ``get_curl_handle`` of git's http.c.
"""

from inguestlib.families.proxy.dialects import curl

NAME = "git"
PROXY = curl.PROXY
EXCEPTIONS = curl.EXCEPTIONS
EMPTY_LIST_COUNTS = True
matches = curl.matches
