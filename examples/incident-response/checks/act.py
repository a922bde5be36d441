"""Changes something about a shop: a remediation for a runbook.

    act.py http://127.0.0.1:8081 recycle
"""

import sys
import urllib.request

address, action = sys.argv[1:]
request = urllib.request.Request(f"{address}/{action}", method="POST")
with urllib.request.urlopen(request, timeout=2) as response:
    print(response.read().decode().strip())
