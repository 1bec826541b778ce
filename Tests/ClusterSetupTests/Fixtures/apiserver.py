"""A small Kubernetes API server: objects are files DIR/NAMESPACE/RESOURCE/NAME.json. It says its port on standard output.

DIR/forbidden makes every request for an object end with 403, DIR/silent makes every request hang.
"""
import http.server, json, os, sys, time
from urllib.parse import urlparse, parse_qs

DIR = sys.argv[1]
RANGE = "10.63.240.0/20"
CORE = {"services": "Service", "endpoints": "Endpoints", "secrets": "Secret"}
ISTIO = {"workloadentries": "WorkloadEntry", "serviceentries": "ServiceEntry"}


def resources(group, kinds):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind,
         "verbs": ["create", "delete", "get", "list", "patch", "update"]} for name, kind in kinds.items()]}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, reason, message, details=None):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                           "reason": reason, "details": details or {}, "code": code})

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def handle_request(self):
        while os.path.exists(DIR + "/silent"):
            time.sleep(0.1)
        body = self.body()
        body = json.loads(body) if body else None
        url = urlparse(self.path)
        parts = [part for part in url.path.split("/") if part]
        if parts == ["version"]:
            return self.answer(200, {"major": "1", "minor": "20", "gitVersion": "v1.20.0"})
        if parts == ["api"]:
            return self.answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        if parts == ["apis"]:
            version = {"groupVersion": "networking.istio.io/v1", "version": "v1"}
            return self.answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                {"name": "networking.istio.io", "versions": [version], "preferredVersion": version}]})
        if parts == ["api", "v1"]:
            return self.answer(200, resources("v1", CORE))
        if parts == ["apis", "networking.istio.io", "v1"]:
            return self.answer(200, resources("networking.istio.io/v1", ISTIO))
        if "namespaces" not in parts:
            return self.refuse(404, "NotFound", "the server could not find the requested resource")
        place = parts.index("namespaces")
        if len(parts) == place + 2:
            return self.answer(200, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": parts[place + 1]}})
        namespace, resource = parts[place + 1], parts[place + 2]
        name = parts[place + 3] if len(parts) > place + 3 else (body or {}).get("metadata", {}).get("name")
        if not name and self.command == "POST":
            name = body["metadata"]["name"] = body["metadata"]["generateName"] + "x7k2p"
        path = f"{DIR}/{namespace}/{resource}/{name}.json"
        if os.path.exists(DIR + "/forbidden"):
            return self.refuse(403, "Forbidden", f'{resource} "{name}" is forbidden: User "dev" cannot do that in the namespace "{namespace}"')
        if self.command == "POST":
            address = (body.get("spec") or {}).get("clusterIP")
            # It leaves addresses out of dry runs.
            if resource == "services" and address and not address.startswith("10.63.24") and "dryRun" not in parse_qs(url.query):
                # As the API server 1.20 answers; kubectl shows the causes.
                found = (f'Invalid value: []string{{"{address}"}}: failed to allocated ip:{address} with error:'
                         f"provided IP is not in the valid range. The range of valid IPs is {RANGE}")
                return self.refuse(422, "Invalid", f'Service "{name}" is invalid: spec.clusterIPs: {found}', {
                    "name": name, "kind": "Service",
                    "causes": [{"reason": "FieldValueInvalid", "message": found, "field": "spec.clusterIPs"}]})
            if os.path.exists(path):
                return self.refuse(409, "AlreadyExists", f'{resource} "{name}" already exists')
            return self.store(path, body, parse_qs(url.query))
        if not os.path.exists(path):
            return self.refuse(404, "NotFound", f'{resource} "{name}" not found', {"name": name, "kind": resource})
        present = json.load(open(path))
        if self.command == "GET":
            return self.answer(200, present)
        if self.command == "DELETE":
            os.remove(path)
            return self.answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"name": name, "uid": "1"}})
        if self.command == "PUT":
            version = body["metadata"].get("resourceVersion")
            if version and version != present["metadata"].get("resourceVersion"):
                return self.refuse(409, "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": the object has been modified')
            return self.store(path, body, {})
        # Merge patches (RFC 7396); lists of strategic ones that are made here are whole.
        return self.store(path, merged(present, body), {})

    def store(self, path, value, query):
        value["metadata"]["uid"] = "1"
        old = int(value["metadata"].get("resourceVersion") or 0)
        value["metadata"]["resourceVersion"] = str(old + 1)
        if "dryRun" not in query:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            json.dump(value, open(path, "w"), indent=1)
        self.answer(201 if self.command == "POST" else 200, value)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request


def merged(old, new):
    if not isinstance(new, dict) or not isinstance(old, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list) and key == "ports":
            kept = [port for port in result.get(key, []) if port["port"] not in [other["port"] for other in value]]
            result[key] = kept + value
        else:
            result[key] = merged(result.get(key), value)
    return result


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
