# The provider `canaille` as the tests need it. Started by `CanailleProvider`; loopback only, everything in memory.
#
# argv[1]: { "port": number, "secret": string, "redirect_uris": [...], "post_logout_redirect_uris": [...],
#            "accessTokenSeconds": number }
# The first line on stdout is the issuer. /__control/calls is the test's own and no part of the protocol.
import json
import logging
import os
import sys
import threading

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.jose import make_default_rsa_jwk
from werkzeug.serving import make_server

wanted = json.loads(sys.argv[1])
host = f"127.0.0.1:{wanted['port']}"
calls = []

app = create_app(
    {
        "SECRET_KEY": "of the provider, not of the proxy",
        "SERVER_NAME": host,
        "PREFERRED_URL_SCHEME": "http",
        "OAUTH2_TOKEN_EXPIRES_IN": {
            "authorization_code": wanted["accessTokenSeconds"],
            "refresh_token": wanted["accessTokenSeconds"],
        },
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [make_default_rsa_jwk().as_dict(private=True)]},
    }
)
logging.getLogger("werkzeug").setLevel(logging.ERROR)

with app.app_context():
    backend = Backend.instance
    staff = models.Group(display_name="staff")
    for name, groups in [("ana", True), ("bo", False)]:
        user = models.User(
            user_name=name,
            family_name=name,
            formatted_name=name,
            emails=[f"{name}@example.com"],
            password="any-password",
        )
        backend.save(user)
        if groups:
            staff.members = [user]
            backend.save(staff)
    client = models.Client(
        client_id="ostia",
        client_secret=wanted["secret"],
        client_name="Ostia",
        client_uri="http://app.localhost",
        redirect_uris=wanted["redirect_uris"],
        post_logout_redirect_uris=wanted["post_logout_redirect_uris"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
        id_token_signed_response_alg="RS256",
    )
    backend.save(client)
    client.audience = [client]
    backend.save(client)


def serve(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/__control/calls":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(calls).encode()]
    calls.append(f"{environ['REQUEST_METHOD']} {path}")
    return app.wsgi_app(environ, start_response)


server = make_server("127.0.0.1", wanted["port"], serve, threaded=True)
print(f"http://{host}", flush=True)


# The tests hold our stdin open: when they die, so do we.
def watch():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=watch, daemon=True).start()
server.serve_forever()
