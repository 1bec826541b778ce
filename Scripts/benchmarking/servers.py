"""What checks look at: real servers on ports of loopback that the kernel chose, in a process of their own each."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
import time

BODY = b'{"hosts": [{"ip_address": "10.60.1.4", "port": 8080}], "state": "ready"}'


class Answers(asyncio.Protocol):
    """HTTP/1.1 with connections that are kept; below /slow/ every answer takes 100 ms."""

    def connection_made(self, transport):
        self.transport, self.received = transport, b""

    def data_received(self, data):
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            line = self.received[:self.received.find(b"\r\n")]
            self.received = self.received[end + 4:]
            if b" /slow/" in line:
                asyncio.get_running_loop().call_later(0.1, self.answer)
            else:
                self.answer()

    def answer(self):
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


def listeners(count):
    """Sockets that listen, each on a port of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count + 200), hard), hard))
    sockets = []
    for _ in range(count):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        sockets.append(listener)
    return sockets


async def serve(ports):
    sockets = listeners(ports)
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=4096)
    print(json.dumps({
        "http": server.sockets[0].getsockname()[1],
        "ports": [listener.getsockname()[1] for listener in sockets],
    }), flush=True)
    await server.serve_forever()


class Servers:
    """The HTTP server, the listening sockets, and dnsmasq with one name for each check."""

    def __init__(self, folder, count):
        self.processes = []
        served = subprocess.Popen([sys.executable, __file__, str(count)], stdout=subprocess.PIPE)
        self.processes.append(served)
        ports = json.loads(served.stdout.readline())
        self.http, self.ports = ports["http"], ports["ports"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.dns = free.getsockname()[1]
        names = folder / "hosts"
        names.write_text("".join(f"10.61.{n // 250}.{n % 250 + 1} name-{n}.bench.test\n" for n in range(count)))
        self.processes.append(subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--port={self.dns}",
             "--listen-address=127.0.0.1", "--bind-interfaces", f"--addn-hosts={names}", "--pid-file=", "--user=root",
             "--log-facility=-", "--dns-forward-max=2000"], stderr=subprocess.DEVNULL))
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.dns), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        self.stop()
        raise SystemExit("benchmark: dnsmasq does not start")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
