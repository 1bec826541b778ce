/// Programs in Python that the tests run beside Envoy.
enum Scripts {
    /// A control plane that speaks v3 REST: one listener that answers every request itself. Its arguments are the port of
    /// that listener and its own, or 0 for any; it prints its own.
    static let discoveryServer = #"""
        import http.server, json, sys

        listener = {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "test",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": int(sys.argv[1])}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                         ".HttpConnectionManager",
                "stat_prefix": "test",
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                    {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "served"}}}
                ]}]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            }}]}],
        }
        kinds = {"/v3/discovery:listeners": ("listener.v3.Listener", [listener]),
                 "/v3/discovery:clusters": ("cluster.v3.Cluster", [])}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *arguments): pass
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                kind, resources = kinds[self.path]
                body = json.dumps({"version_info": "1", "type_url": "type.googleapis.com/envoy.config." + kind,
                                   "resources": resources}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """#

    /// Clients that ask without a pause, one with a connection a request and one that keeps its connection as long as the
    /// server does. At the end of standard input it prints the number of answers and what failed.
    static let steadyClient = #"""
        import http.client, json, sys, threading

        port, stop, counts, failures = int(sys.argv[1]), threading.Event(), [0, 0], []

        def ask(index, keeps):
            connection = None
            while not stop.is_set():
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request("GET", "/")
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 200 or body != b"served":
                        raise ValueError(f"{answer.status} {body!r}")
                    counts[index] += 1
                    if not keeps or answer.will_close:
                        connection.close()
                        connection = None
                except Exception as error:
                    failures.append(f"client {index}, request {counts[index]}: {type(error).__name__} {error}")
                    connection = None
                stop.wait(0.001)

        threads = [threading.Thread(target=ask, args=(0, False)), threading.Thread(target=ask, args=(1, True))]
        for thread in threads: thread.start()
        print("started", flush=True)
        sys.stdin.read()
        stop.set()
        for thread in threads: thread.join()
        print(json.dumps({"answers": counts, "failures": failures}))
        """#
}
