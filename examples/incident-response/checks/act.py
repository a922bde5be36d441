"""Changes something about shops: a remediation for a runbook.

    act.py http://127.0.0.1:8081 recycle
"""

import sys
import urllib.request

*addresses, action = sys.argv[1:]
for address in addresses:
    request = urllib.request.Request(f"{address}/{action}", method="POST")
    with urllib.request.urlopen(request, timeout=2) as response:
        print(response.read().decode().strip())
