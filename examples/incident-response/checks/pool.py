"""Checks the connection pool of a shop: a read-only diagnosis for a runbook.

    pool.py http://127.0.0.1:8081
"""

import json
import sys
import urllib.request

with urllib.request.urlopen(f"{sys.argv[1]}/pool", timeout=2) as response:
    pool = json.load(response)
findings = []
if pool["in_use"] >= pool["size"]:
    findings.append(f"the connection pool is exhausted: {pool['in_use']} of {pool['size']} connections are in use")
print(json.dumps({"findings": findings, "pool": pool}))
