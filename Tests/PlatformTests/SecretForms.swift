/// Forms in which secrets are met, each with what is left of it, and texts that only look like them.
enum SecretForms {
    static let secrets: [(text: String, masked: String)] = [
        // Headers.
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [masked]"),
        ("Authorization: Basic QWxhZGRpbjpPcGVuU2VzYW1l", "Authorization: Basic [masked]"),
        ("authorization: bearer abcdefghijklmnop", "authorization: bearer [masked]"),
        ("Authorization: Bearer abc123def456==", "Authorization: Bearer [masked]"),
        ("Proxy-Authorization: Digest username=\"a\", response=\"6629fae4\"", "Proxy-Authorization: Digest [masked]"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=x/20130524, Signature=fe5f",
            "Authorization: AWS4-HMAC-SHA256 [masked]"
        ),
        ("Authorization: hunter", "Authorization: [masked]"),
        ("Authorization: Token abcdef", "Authorization: Token [masked]"),
        ("curl -H 'Authorization: Custom a b' http://h/", "curl -H 'Authorization: Custom [masked]' http://h/"),
        (#"{"Authorization": "Bearer opaque", "a": 1}"#, #"{"Authorization": "Bearer [masked]", "a": 1}"#),
        ("map[Authorization:[Bearer opaque] Accept:[*/*]]", "map[Authorization:[Bearer [masked]] Accept:[*/*]]"),
        ("> X-Api-Key: q9", "> X-Api-Key: [masked]"), ("X-Vault-Token: s.abc", "X-Vault-Token: [masked]"),
        ("sent Bearer AbstractTokenOfLetters to it", "sent Bearer [masked] to it"),
        ("Cookie: session=abc; theme=dark", "Cookie: session=[masked]; theme=[masked]"),
        (
            "Set-Cookie: sid=38afes7a8; Path=/; HttpOnly; Secure; Max-Age=3600",
            "Set-Cookie: sid=[masked]; Path=/; HttpOnly; Secure; Max-Age=3600"
        ),
        (
            "set-cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b=2; Path=/",
            "set-cookie: a=[masked]; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b=[masked]; Path=/"
        ),
        (
            #"{"Set-Cookie": "sid=abc; Path=/x", "Server": "envoy"}"#,
            #"{"Set-Cookie": "sid=[masked]; Path=/x", "Server": "envoy"}"#
        ),
        // Addresses.
        ("GET http://user:pass@host/x", "GET http://user:[masked]@host/x"),
        ("see http://al@h/ and ftp://a:b@c", "see http://al@h/ and ftp://a:[masked]@c"),
        ("postgres://app:p/ss#word@db:5432/main", "postgres://app:[masked]@db:5432/main"),
        ("redis://:hunter2@cache:6379/0", "redis://:[masked]@cache:6379/0"),
        (
            "amqp://guest:guest@mq/ mongodb+srv://u:p@c.net/d?w=majority",
            "amqp://guest:[masked]@mq/ mongodb+srv://u:[masked]@c.net/d?w=majority"
        ),
        (
            "https://x-access-token:ghs_0123456789abcdefghij0123456789abcdef@github.com/a/b",
            "https://x-access-token:[masked]@github.com/a/b"
        ),
        ("/cb?access_token=abc&state=1", "/cb?access_token=[masked]&state=1"),
        (
            "https://s3/x?X-Amz-Expires=60&X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027",
            "https://s3/x?X-Amz-Expires=60&X-Amz-Signature=[masked]"
        ),
        ("https://hooks.slack.com/services/T00/B00/XXYYZZ", "https://hooks.slack.com/services/[masked]"),
        ("dsn=root:pa55@tcp(db:3306)/app", "dsn=root:[masked]@tcp(db:3306)/app"),
        // JSON.
        (#""clientSecret":"x y z","n":1"#, #""clientSecret":"[masked]","n":1"#),
        (
            #"{"accessToken": "abc", "apiKey": "d", "tokenType": "Bearer"}"#,
            #"{"accessToken": "[masked]", "apiKey": "[masked]", "tokenType": "Bearer"}"#
        ),
        (#"{"password": "a\"b c"}"#, #"{"password": "[masked]"}"#),
        (#"{\"password\": \"hunter2\", \"x\": 1}"#, #"{\"password\": \"[masked]\", \"x\": 1}"#),
        (#"{"name":"DB_PASSWORD","value":"hunter2"}"#, #"{"name":"DB_PASSWORD","value":"[masked]"}"#),
        (#"{"auths": {"r.io": {"auth": "dXNlcjpwYXNz"}}}"#, #"{"auths": {"r.io": {"auth": "[masked]"}}}"#),
        (#"["--token", "abc", "--port", "80"]"#, #"["--token", "[masked]", "--port", "80"]"#),
        (
            #""private_key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n","#,
            #""private_key": "[private key masked]\n","#
        ),
        // YAML.
        ("password: correct horse battery staple", "password: [masked]"),
        ("  token: abc # of the agent", "  token: [masked] # of the agent"),
        ("password: |\n  line one\n  line two\nuser: x", "password: |\n  [masked]\nuser: x"),
        ("secret: !vault |-\n    $ANSIBLE_VAULT;1.1\n    6162\n\nnext: 1", "secret: !vault |-\n    [masked]\nnext: 1"),
        (
            "- name: DB_PASSWORD\n  value: hunter2\n- name: PORT\n  value: 80",
            "- name: DB_PASSWORD\n  value: [masked]\n- name: PORT\n  value: 80"
        ),
        (
            "stringData:\n  user: app\n  pin: 1234\nkind: Secret",
            "stringData:\n  user: [masked]\n  pin: [masked]\nkind: Secret"
        ),
        ("  client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=", "  client-key-data: [masked]"),
        ("tls.key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUU=", "tls.key: [masked]"),
        ("args:\n  - --password\n  - hunter2\n  - --port", "args:\n  - --password\n  - [masked]\n  - --port"),
        // Environment and configuration.
        ("PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[masked] psql -h db"),
        ("MYSQL_PWD=a,b;c", "MYSQL_PWD=[masked]"),
        ("export DB_PASS='a b' X=1", "export DB_PASS='[masked]' X=1"),
        ("SECRET_KEY_BASE=abc AWS_SESSION_TOKEN=x/y", "SECRET_KEY_BASE=[masked] AWS_SESSION_TOKEN=[masked]"),
        ("secret = \"two words\"", "secret = \"[masked]\""), ("api key: abc", "api key: [masked]"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [masked]"),
        ("spring.datasource.password=p@ss;w", "spring.datasource.password=[masked]"),
        ("Server=db;User Id=sa;Password=one two;Encrypt=yes", "Server=db;User Id=sa;Password=[masked];Encrypt=yes"),
        ("AccountName=a;AccountKey=Zm9v+/==;EndpointSuffix=x", "AccountName=a;AccountKey=[masked];EndpointSuffix=x"),
        ("host=db user=x password='a b' dbname=y", "host=db user=x password='[masked]' dbname=y"),
        ("machine h login joe password hunter", "machine h login joe password [masked]"),
        ("machine h\n  login joe\n  password hunter", "machine h\n  login joe\n  password [masked]"),
        ("db.example.com:5432:main:app:hunter2", "db.example.com:5432:main:app:[masked]"),
        ("*:*:*:app:a b", "*:*:*:app:a b"),
        ("requirepass foobared", "requirepass [masked]"), ("secret \"a2V5\"; # rndc", "secret \"[masked]\"; # rndc"),
        ("PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "PrivateKey = [masked]"),
        ("<password>hunter2</password><user>x</user>", "<password>[masked]</password><user>x</user>"),
        ("<add key=\"ApiKey\" value=\"abc\"/>", "<add key=\"ApiKey\" value=\"[masked]\"/>"),
        ("ALTER USER a WITH PASSWORD 'x y'", "ALTER USER a WITH PASSWORD '[masked]'"),
        ("CREATE USER a IDENTIFIED BY 'x'", "CREATE USER a IDENTIFIED BY '[masked]'"),
        ("root:$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2:19000:0", "root:[masked]:19000:0"),
        (".h.io\tTRUE\t/\tFALSE\t0\tsid\tabc", ".h.io\tTRUE\t/\tFALSE\t0\tsid\t[masked]"),
        ("let password: String = \"hunter2\"", "let password: String = \"[masked]\""),
        (":password => 'x', :user => 'y'", ":password => '[masked]', :user => 'y'"),
        // Commands.
        ("app --password hunter2 --port 1", "app --password [masked] --port 1"),
        ("app --db-password='a b' -v", "app --db-password='[masked]' -v"),
        ("kubectl --token abc get pods", "kubectl --token [masked] get pods"),
        ("kubeadm join h:6443 --token abcdef.0123456789abcdef", "kubeadm join h:6443 --token [masked]"),
        ("mysql -uroot -phunter2 db", "mysql -uroot -p[masked] db"),
        ("sshpass -p hunter2 ssh h", "sshpass -p [masked] ssh h"),
        ("curl -u joe:hunter2 http://h", "curl -u joe:[masked] http://h"),
        ("docker login -u a -p b r.io", "docker login -u a -p [masked] r.io"),
        ("openssl rsa -passin pass:hunter2 -in k", "openssl rsa -passin pass:[masked] -in k"),
        // Tokens by their form.
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "[masked]"), ("id AKIAIOSFODNN7EXAMPLE seen", "id [masked] seen"),
        ("ASIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[masked],[masked]"),
        ("k AIzaSyA-1234567890abcdefghijklmnopqrstu.", "k [masked]"),
        ("ya29.a0AfH6SMBx1234567890", "[masked]"), ("gho_16C7e42F292c6912E7710c838347Ae178B4a", "[masked]"),
        ("github_pat_11ABCDEFG0123456789_abcdefghij", "[masked]"), ("glpat-AbCdEf1234567890wxyz", "[masked]"),
        ("xoxb-123456789012-abcdefGHIJ", "[masked]"), ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[masked]"),
        ("//r/:_authToken=npm_abcdefghijklmnopqrstuvwxyz0123456789", "//r/:_authToken=[masked]"),
        ("got npm_abcdefghijklmnopqrstuvwxyz0123456789", "got [masked]"), ("hvs.CAESIJ1234567890abcdefgh", "[masked]"),
        ("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", "[masked]"),
        ("bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", "bot 123456789:[masked]"),
        ("setPassword(\"a b\")", "setPassword(\"[masked]\")"),
        ("AccessToken{value=abc, expires=3}", "AccessToken{value=[masked], expires=3}"),
        ("https://api.telegram.org/bot1102015:AAHdqTcvCH1v/getMe", "https://api.telegram.org/bot[masked]/getMe"),
        ("<Token type=\"x\">abc</Token>", "<Token type=\"x\">[masked]</Token>"),
        ("SET PASSWORD FOR 'u'@'h' = PASSWORD('zzz');", "SET PASSWORD FOR 'u'@'h' = PASSWORD('[masked]');"),
        ("curl -uadmin:zzz https://h/", "curl -uadmin:[masked] https://h/"),
        ("smbclient -U user%zzz //h/s", "smbclient -U user%[masked] //h/s"),
        // PEM.
        ("a -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- b", "a [private key masked]\n b"),
        ("-----BEGIN OPENSSH PRIV", "[private key masked]"),
    ]

    static let harmless: [String] = [
        // Sentences.
        "credentials: No such process", "token: expired", "token: expired at 2026-11-29", "secret: not found",
        "password: Permission denied", "cat: /run/secrets/token: No such file or directory",
        "password: must have 8 characters",
        "error: token: cannot be read", "Failed password for root from 10.0.0.1 port 22 ssh2",
        "secrets \"istio.default\" not found",
        "Secret \"web-tls\" is forbidden", "the server has asked for the client to provide credentials",
        "Enter passphrase for key '/root/.ssh/id_rsa': ", "invalid token: unexpected end of input",
        "use --password to set it, or --password-file",
        "the option --token is required", "usage: app --password PASSWORD [--token <token>]",
        "WWW-Authenticate: Bearer realm=\"istio\"",
        "WWW-Authenticate: Basic realm=\"x\"", "Basic authentication is off", "authorization: denied",
        "Authorization: required",
        "password authentication failed for user \"app\"", "12 passed, pass: 12", "Password expires : never",
        // Truth values, numbers, references and names.
        "password: false", "tokens: 5", "secretName: web-tls", "automountServiceAccountToken: true", "token_count=5",
        "passwordFile=/path", "PASSWORD_FILE=/run/secrets/db", "password=/etc/app/password", "token_type: Bearer",
        "maxTokens: 100",
        "password: \"\"", "password: ${DB_PASSWORD}", "password: $DB_PASSWORD", "password: {{ .Values.password }}",
        "password: <none>",
        "password: ********", "passwordSecret: db-login", "secretKeyRef:", "  secret:\n    secretName: web-tls",
        "imagePullSecrets: [{name: regcred}]",
        "password: [masked]", "Authorization: Bearer [masked]", "cookie: enabled", "PasswordAuthentication no",
        "password: string",
        "passwordPolicy: strong", "tokenReviewURL: https://h/x", "token_endpoint=https://idp/token",
        "if password == null {",
        "credential.helper=store", "vault-token.service: Main process exited, code=exited",
        "kubernetes.io/service-account-token   3   5d",
        "secret/web-tls created", "systemd-ask-password-wall.path: Deactivated successfully.", "notoken: x",
        "public key: ssh-ed25519",
        "primary_key: id", "host_key: rsa", "PWD=/root OLDPWD=/home/x",
        // Addresses and numbers.
        "http://host:8080/path@x", "ssh://git@host:22/x", "http://[::1]:15000/",
        "spiffe://cluster.local/ns/default/sa/vm",
        "2001:db8:0:0:1::5", "fe80::1%eth0: 64 bytes", "00:1a:2b:3c:4d:5e", "root:x:0:0:root:/root:/bin/bash",
        "12:30:45 ready",
        "tcp:127.0.0.1:80:a:b", "productpage.bookinfo.svc.cluster.local:9080",
        // Checksums, identifiers and certificates.
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDKzZDKzZDKzZDKzZD", "550e8400-e29b-41d4-a716-446655440000",
        "commit ade6c35f0b9c4f0d8f6f0d9e2b7a1c3d4e5f6a7b",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b",
        "integrity sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg+SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
        "-----BEGIN CERTIFICATE-----\nMIIBkTCB+wIJAKHHIG11p0vLMA0GCSqGSIb3DQEBBQUAMA0xCzAJBgNVBAYTAkRF\nMIIBkTCB+wIJAKHHIG11p0vLMA0GCSqGSIb3DQEBBQUAMA0xCzAJBgNVBAYTAk==\n-----END CERTIFICATE-----\nok",
        #""ca": "-----BEGIN CERTIFICATE-----\nMIIBkTCB+wIJAKHHIG11p0vLMA0GCSqGSIb3DQEBBQUAMA0xCzAJBgNVBAYTAkRFabcd\n-----END CERTIFICATE-----\n""#,
        "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM1ekNDQWMrZ0F3SUJBZ0lCQURBTkJna3Foa2lHOXcwQkFR",
        "registry.k8s.io/pause@sha256:9001185023633d17a2f98ff69b6ff2615b8ea02a825adffa40422f51dfdcde9d",
        "org.springframework.boot.autoconfigure.web.servlet.WebMvcAutoConfigurationAdapterForTests2",
        "/usr/share/meshcheck/Scenarios/Some/Very/Long/Path/That/Has/Upper/Case/And/Digits/10-dns.yaml",
        "outbound|9080|v1|reviews.default.svc.cluster.local::default_priority::max_connections::1024",
        "Signature Algorithm: sha256WithRSAEncryption", "npm_config_registry_and_other_settings_of_it",
        "sk-learn-is-a-library-of-python",
        "pk_live_is_the_public_key_of_stripe", "akia-shaped words of lower case", "key: value", "name: token",
        "CSR is approved. Will renew cert in 29m59.137732603s",
        "unit basic.target is active", "istio-token exists: true", "mysql -p 3306 is asked for", "ssh -p 2222 host",
        "ps -p 4711 -o comm=",
        "password_encryption: scram-sha-256", "password = os.environ['DB']", "PWD=/", "passwd:  files systemd",
        "%sudo ALL=NOPASSWD: ALL",
        "docker login --password-stdin r.io", "PASS: 3, FAIL: 0", "pw: command not found", "password?: string",
        "apiKeyRef: {name: a}",
        "expected: 200, found: 503", "a: b, c=d", "monkey=1 turkey: 2",
    ]
}
