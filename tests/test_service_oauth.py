"""OAuth tokens: only what the issuer signed for this server, for now, opens it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from serviced import HELLO, Service, serving_service
from sockets import AnnouncedServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_service_attacks import ACCEPT

from crm_mcp.service.oauth import RARELY_SECONDS, IssuedTokens, IssuerKeys

ISSUER, AUDIENCE = "https://login.example.com/", "https://crm.example.com/mcp"
HOST = {"host": "crm.example.com"}
Claims = Mapping[str, Any]


@dataclass
class Issuer:
    """Signs tokens, and tells its public keys on a loopback port."""

    keys: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    asked: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        self.keys["rsa"] = rsa.generate_private_key(65_537, 2_048)
        self.keys["ec"] = ec.generate_private_key(ec.SECP256R1())

    async def tell(self, _: Request) -> JSONResponse:
        self.asked += 1
        if self.broken:
            return JSONResponse({}, 500)
        told = []
        for key_id, key in self.keys.items():
            kind = jwt.algorithms.RSAAlgorithm if key_id != "ec" else jwt.algorithms.ECAlgorithm
            public = json.loads(kind.to_jwk(key.public_key()))
            told.append(public | {"kid": key_id, "use": "sig"})
        return JSONResponse({"keys": told})

    def token(self, key_id: str = "rsa", *, key: Any = None, alg: str = "", **claims: Any) -> str:
        now = int(time.time())
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "anna",
            "iat": now,
            "exp": now + 600,
            "scope": "openid crm:read",
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        algorithm = alg or ("ES256" if key_id == "ec" else "RS256")
        signing = key if key is not None else self.keys[key_id]
        return jwt.encode(told, signing, algorithm=algorithm, headers={"kid": key_id})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    app = Starlette(routes=[Route("/keys", issuer.tell)])
    config = uvicorn.Config(app, port=0, log_config=None, log_level="critical", lifespan="off")
    server = AnnouncedServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.listening.wait(timeout=20)
    issuer.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/keys"
    yield issuer
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture
def tokens(issuer: Issuer) -> IssuedTokens:
    return IssuedTokens(ISSUER, AUDIENCE, IssuerKeys(issuer.url))


@pytest.fixture(scope="module")
def service(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with serving_service(folder, issuer=ISSUER, keys_url=issuer.url, url=AUDIENCE) as service:
        yield service


@pytest.mark.anyio
@pytest.mark.parametrize("key_id", ["rsa", "ec"])
async def test_a_token_of_the_issuer_names_its_caller(
    tokens: IssuedTokens, issuer: Issuer, key_id: str
) -> None:
    found = await tokens.verify_token(issuer.token(key_id))

    assert found is not None
    assert (found.client_id, found.scopes, found.token) == (
        "oauth:anna",
        ["openid", "crm:read"],
        "",
    )


@pytest.mark.anyio
async def test_scopes_may_stand_in_a_list(tokens: IssuedTokens, issuer: Issuer) -> None:
    found = await tokens.verify_token(issuer.token(scope=None, scp=["crm:write:cirrus"]))

    assert found is not None
    assert found.scopes == ["crm:write:cirrus"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid crm:approve", 200),
        ("crm:approve:fivecrm", 200),
        ("crm:approve crm:read", 401),
        ("crm:approve crm:write:cirrus", 401),
        ("crm:read", 401),
    ],
)
def test_the_page_opens_with_a_token_that_approves_and_calls_nothing(
    service: Service, issuer: Issuer, scope: str, expected: int
) -> None:
    bearer = {"authorization": f"Bearer {issuer.token(scope=scope)}"}
    with httpx2.Client(headers=HOST | bearer) as http:
        assert http.get(f"{service.origin}/approvals/").status_code == expected


def _by_hmac(issuer: Issuer) -> str:
    """Sign with what everybody knows; a reader that believes the header takes it as the secret."""
    modulus = issuer.keys["rsa"].public_key().public_numbers().n
    return issuer.token(key=modulus.to_bytes(256, "big"), alg="HS256")


def _header(header: Claims) -> str:
    def part(value: Claims) -> str:
        return jwt.utils.base64url_encode(json.dumps(value).encode()).decode()

    return f"{part(header)}.{part({'sub': 'anna'})}.c2ln"


WRONG: dict[str, Callable[[Issuer], str]] = {
    "for another server": lambda one: one.token(aud="https://other.example.com/mcp"),
    "for nobody in particular": lambda one: one.token(aud=None),
    "of another issuer": lambda one: one.token(iss="https://login.example.com.evil.example/"),
    "of no issuer": lambda one: one.token(iss=None),
    "over": lambda one: one.token(exp=int(time.time()) - 60),
    "without an end": lambda one: one.token(exp=None),
    "not yet": lambda one: one.token(nbf=int(time.time()) + 120),
    "without a subject": lambda one: one.token(sub=None),
    "signed by another key": lambda one: one.token(key=rsa.generate_private_key(65_537, 2_048)),
    "with an unknown key": lambda one: one.token("rsa2", key=one.keys["rsa"]),
    "unsigned": lambda one: one.token(key="", alg="none"),
    "signed with the public key as a secret": _by_hmac,
    "with a key id that is no text": lambda _: _header({"alg": "RS256", "kid": ["rsa"]}),
    "no token": lambda _: "a.b.c",
    "empty": lambda _: "",
    "huge": lambda _: "a" * 20_000,
}


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_any_other_token_opens_nothing(
    tokens: IssuedTokens, issuer: Issuer, wrong: Callable[[Issuer], str]
) -> None:
    assert await tokens.verify_token(wrong(issuer)) is None


@pytest.mark.anyio
async def test_forged_key_ids_do_not_turn_the_server_against_its_issuer(issuer: Issuer) -> None:
    now = [0.0]
    keys = IssuerKeys(issuer.url, lambda: now[0])
    before = issuer.asked

    for number in range(50):
        assert await keys.find(f"forged-{number}") is None
    now[0] += RARELY_SECONDS
    assert await keys.find("forged") is None

    assert issuer.asked - before == 2


@pytest.mark.anyio
async def test_a_new_key_of_the_issuer_is_found(issuer: Issuer) -> None:
    now = [0.0]
    tokens = IssuedTokens(ISSUER, AUDIENCE, IssuerKeys(issuer.url, lambda: now[0]))
    assert await tokens.verify_token(issuer.token()) is not None
    issuer.keys["new"] = rsa.generate_private_key(65_537, 2_048)
    token = issuer.token("new")

    now[0] += RARELY_SECONDS
    assert await tokens.verify_token(token) is not None
    del issuer.keys["new"]


@pytest.mark.anyio
async def test_known_keys_go_on_while_the_issuer_cannot_be_asked(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    tokens = IssuedTokens(ISSUER, AUDIENCE, IssuerKeys(issuer.url, lambda: now[0]))
    assert await tokens.verify_token(issuer.token()) is not None
    monkeypatch.setattr(issuer, "broken", True)
    now[0] += 4_000

    assert await tokens.verify_token(issuer.token()) is not None


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_two_subjects_become_one_name(one: str, other: str) -> None:
    from crm_mcp.service.oauth import _plain

    assert (_plain(one) == _plain(other)) == (one == other)
    assert _plain(one).isascii()
    assert _plain(one).isprintable()


def post(service: Service, token: str) -> httpx2.Response:
    headers = {**ACCEPT, **HOST, "authorization": f"Bearer {token}"}
    return httpx2.post(service.url, json=HELLO, headers=headers)


def test_over_the_wire_it_opens_and_what_is_wrong_points_to_the_issuer(
    service: Service, issuer: Issuer
) -> None:
    good, wrong = (
        post(service, issuer.token()),
        post(service, issuer.token(aud="https://x.example")),
    )
    where = f"{service.origin}/.well-known/oauth-protected-resource/mcp"
    told = httpx2.get(where, headers=HOST).json()

    assert (good.status_code, wrong.status_code) == (200, 401)
    pointer = 'resource_metadata="https://crm.example.com/.well-known/oauth-protected-resource/mcp"'
    assert pointer in wrong.headers["www-authenticate"]
    assert (told["resource"], told["authorization_servers"]) == (AUDIENCE, [ISSUER])
    assert told["scopes_supported"] == ["crm:read", "crm:write"]
    assert service.events("denied")[-1]["status"] == 401


def test_a_token_without_a_scope_of_ours_is_refused(service: Service, issuer: Issuer) -> None:
    refused = post(service, issuer.token(scope="openid admin crm crm:reader"))

    assert refused.status_code == 403
    assert (
        'error="insufficient_scope", scope="crm:read crm:write"'
        in (refused.headers["www-authenticate"])
    )
    line = service.events("denied")[-1]
    assert (line["status"], line["caller"]) == (403, "oauth:anna")


def test_loopback_names_do_not_open_a_service_with_an_address(
    service: Service, issuer: Issuer
) -> None:
    headers = {**ACCEPT, "authorization": f"Bearer {issuer.token()}"}

    assert httpx2.post(service.url, json=HELLO, headers=headers).status_code == 421
