"""Resets the connection pool of a shop: a remediation for a runbook.

    recycle.py http://127.0.0.1:8081
"""

import sys
import urllib.request

request = urllib.request.Request(f"{sys.argv[1]}/recycle", method="POST")
with urllib.request.urlopen(request, timeout=2) as response:
    print(response.read().decode().strip())
