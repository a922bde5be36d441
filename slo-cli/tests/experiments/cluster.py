"""A real control plane of Kubernetes on this machine, with nodes of kwok. See scripts/real/kubernetes."""

import contextlib
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import Processes, free_ports, wait_for  # noqa: E402


def programs():
    """The folder of the programs, or None if they cannot be had."""
    said = subprocess.run([ROOT / "scripts" / "real" / "kubernetes"], stdout=subprocess.PIPE, text=True)
    return pathlib.Path(said.stdout.strip()) if said.stdout.strip() else None


class Cluster(Processes):
    """etcd, an API server, a controller manager, a scheduler, and nodes that exist only in the API."""

    def __init__(self, folder, bin, nodes=2):
        super().__init__(folder)
        self.bin, self.nodes = bin, [f"node-{number}" for number in range(1, nodes + 1)]
        self.first = free_ports(6 + nodes)
        self.config = self.folder / "admin.kubeconfig"

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def certificate(self, name, user, group):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O={group}/CN={user}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-out", f"{name}.crt", "-extfile", "extensions",
        )  # fmt: skip
        user = {"client-certificate": str(self.folder / f"{name}.crt"), "client-key": str(self.folder / f"{name}.key")}
        cluster = {"server": f"https://127.0.0.1:{self.first}", "certificate-authority": str(self.folder / "ca.crt")}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "all",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "all", "context": {"cluster": "here", "user": name}}],
        }  # fmt: skip
        (self.folder / f"{name}.kubeconfig").write_text(json.dumps(config))

    def begin(self):
        port, peer = self.first + 1, self.first + 2
        names = "IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"
        (self.folder / "extensions").write_text(f"extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName={names}\n")
        self.openssl("genrsa", "-out", "accounts.key", "2048")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.crt")
        self.certificate("admin", "admin", "system:masters")
        self.certificate("server", "kube-apiserver", "none")
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.certificate(name, f"system:{name}", "none")
        self.start(
            "etcd", self.bin / "etcd", "--data-dir", "etcd", "--unsafe-no-fsync", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
            *(f"--{kind}-urls=http://127.0.0.1:{at}" for kind, at in [
                ("listen-client", port), ("advertise-client", port), ("listen-peer", peer), ("initial-advertise-peer", peer),
            ]),
        )  # fmt: skip
        self.start(
            "kube-apiserver", self.bin / "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{port}", f"--secure-port={self.first}",
            "--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none", "--cert-dir=certificates",
            "--client-ca-file=ca.crt", "--tls-cert-file=server.crt", "--tls-private-key-file=server.key", "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file=accounts.key",
            "--service-account-key-file=accounts.key", "--service-cluster-ip-range=10.0.0.0/24",
        )  # fmt: skip
        wait_for("the API server", lambda: self.kubectl("get", "--raw", "/readyz") == "ok", 90)
        for number, (name, more) in enumerate([
            ("kube-controller-manager", ["--use-service-account-credentials", "--service-account-private-key-file=accounts.key", "--root-ca-file=ca.crt"]),
            ("kube-scheduler", []),
        ]):  # fmt: skip
            self.start(
                name, self.bin / name, f"--kubeconfig={name}.kubeconfig", "--bind-address=127.0.0.1", f"--secure-port={self.first + 3 + number}",
                "--leader-elect=false", *more,
            )  # fmt: skip
        for number, node in enumerate(self.nodes):
            capacity = {"cpu": "32", "memory": "256Gi", "pods": "110"}
            labels = {"kubernetes.io/hostname": node, "pool": "spare"}
            status = {"allocatable": capacity, "capacity": capacity}
            self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}, "status": status})
            at = self.first + 6 + number
            self.start(
                node, self.bin / "kwok", f"--kubeconfig={self.config}", f"--manage-single-node={node}", f"--server-address=127.0.0.1:{at}",
                f"--node-port={at}", "--node-ip=127.0.0.1", f"--cidr=10.1.{number}.0/24", f"--config={self.bin / 'stages.yaml'}",
                "--node-lease-duration-seconds=10",
            )  # fmt: skip
        for node in self.nodes:
            self.kubectl("wait", "--for=condition=Ready", f"node/{node}", "--timeout=60s")

    def kubectl(self, *words, stdin=None):
        command = [self.bin / "kubectl", f"--kubeconfig={self.config}", *words]
        ran = subprocess.run(command, input=stdin, capture_output=True, text=True)
        if ran.returncode:
            raise OSError(f"kubectl {' '.join(words)}: {ran.stderr}")
        return ran.stdout

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def pods(self, namespace="shop"):
        """The names of the pods that are ready."""
        ready = [
            pod["metadata"]["name"]
            for pod in self.get("pods", "-n", namespace)["items"]
            if "deletionTimestamp" not in pod["metadata"]
            and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        ]
        return sorted(ready)

    def deploy(self, name, replicas, namespace="shop", at_least=None):
        """A deployment, and a disruption budget if `at_least` pods must stay."""
        with contextlib.suppress(OSError):
            self.kubectl("create", "namespace", namespace)
        labels = {"app": name}
        pod = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": name, "image": "example.com/shop:1"}], "terminationGracePeriodSeconds": 0},
        }
        self.apply({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
        })  # fmt: skip
        if at_least is not None:
            self.apply({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": namespace},
                "spec": {"minAvailable": at_least, "selector": {"matchLabels": labels}},
            })  # fmt: skip
        wait_for("the pods", lambda: len([pod for pod in self.pods(namespace) if pod.startswith(name)]) == replicas, 60)
