"""Asks a shop for its pool of connections: a diagnosis for a runbook, which reads and changes nothing.

    pool.py http://127.0.0.1:8081
"""

import json
import sys
import urllib.request

with urllib.request.urlopen(f"{sys.argv[1]}/pool", timeout=2) as response:
    pool = json.load(response)
findings = []
if pool["in_use"] >= pool["size"]:
    findings.append(f"the pool of connections is exhausted: {pool['in_use']} of {pool['size']} are in use")
print(json.dumps({"findings": findings, "pool": pool}))
