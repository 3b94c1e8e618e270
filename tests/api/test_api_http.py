"""What holds for every route: the key, the form of errors, the documentation, other origins, health."""

import logging
from pathlib import Path

import httpx
import pytest
from api_server import API_KEY, Serve, error_of

ROUTES = [
    ("GET", "/v1/agents"),
    ("POST", "/v1/agents"),
    ("GET", "/v1/agents/ada"),
    ("DELETE", "/v1/agents/ada"),
    ("PUT", "/v1/agents/ada/background"),
    ("DELETE", "/v1/agents/ada/background"),
    ("GET", "/v1/agents/ada/portrait"),
    ("POST", "/v1/agents/ada/join-room"),
    ("POST", "/v1/agents/ada/leave-room"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/ses_1"),
    ("POST", "/v1/sessions/ses_1/speak"),
    ("POST", "/v1/sessions/ses_1/interrupt"),
    ("POST", "/v1/sessions/ses_1/emotion"),
    ("POST", "/v1/sessions/ses_1/gesture"),
    ("POST", "/v1/sessions/ses_1/face"),
    ("GET", "/metrics"),
    ("POST", "/v1/room-tokens"),
    ("POST", "/v1/runtime-tokens/request"),
    ("GET", "/v1/runtime-sessions/ses_1"),
    ("POST", "/v1/runtime-sessions/ses_1/end"),
    ("POST", "/v1/validate"),
    ("GET", "/v1/agent/ada"),
    ("DELETE", "/v1/agent/ada"),
    ("GET", "/v1/agent/status/ada"),
    ("GET", "/v1/agent/ada/sessions"),
    ("POST", "/v1/agent/ada/speak"),
]


async def test_every_route_of_the_api_is_known_here(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    tested = {(method, path.replace("ses_1", "{session_id}").replace("ada", "{agent_id}")) for method, path in ROUTES}
    assert documented == tested | {("GET", "/healthz"), ("GET", "/readyz")}


async def test_every_documented_route_has_a_summary_and_names_the_error_form(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for route in methods.values():
            assert route["summary"] and route["description"]
            if path.startswith(("/v1", "/metrics")):
                assert route["security"] == [{"HTTPBearer": []}]
                assert route["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith(
                    "/ErrorResponse"
                )


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/v1"), ("GET", "/v1/nothing-here")])
@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer wrong", "key_refused"),
        (f"Bearer {API_KEY}x", "key_refused"),
        (f"Basic {API_KEY}", "key_refused"),
        ("Bearer schlüssel", "key_refused"),
    ],
)
async def test_no_route_below_v1_answers_without_the_key(
    client: httpx.AsyncClient, method: str, path: str, authorization: str | None, code: str
) -> None:
    client.headers.pop("Authorization")
    headers = {"Authorization": authorization.encode()} if authorization else {}
    response = await client.request(method, path, headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/"])
async def test_health_the_documentation_and_the_page_need_no_key(client: httpx.AsyncClient, path: str) -> None:
    client.headers.pop("Authorization")
    assert (await client.get(path)).status_code == 200


async def test_a_key_in_lower_case_scheme_is_taken(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/agents", headers={"Authorization": f"bearer {API_KEY}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing-here", 404, "not_found"),
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/nothing.js", 404, "not_found"),
        ("GET", "/..%2fapp.py", 404, "not_found"),
        ("GET", "/assets/nothing.js", 404, "not_found"),
        ("PATCH", "/v1/agents", 405, "method_not_allowed"),
        ("GET", "/v1/room-tokens", 405, "method_not_allowed"),
        ("GET", "/v1/agents/nobody", 404, "agent_not_found"),
        ("DELETE", "/v1/agents/nobody", 404, "agent_not_found"),
        ("GET", "/v1/agents/nobody/portrait", 404, "agent_not_found"),
        ("GET", "/v1/agents/" + "x" * 3000, 404, "agent_not_found"),
    ],
)
async def test_every_wrong_way_ends_in_the_one_form(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert len(response.content) < 1000


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{", "invalid_json", "JSON"),
        (b"[]", "invalid_request", "dict"),
        (b'{"room": "hall"}', "invalid_request", "room: Extra"),
        (b'{"room_name": 7}', "invalid_request", "room_name"),
        (b'{"participant_attributes": {"a": 1}}', "invalid_request", "participant_attributes.a"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(
    client: httpx.AsyncClient, body: bytes, code: str, said: str
) -> None:
    response = await client.post("/v1/room-tokens", content=body, headers={"Content-Type": "application/json"})
    error = error_of(response)
    assert (response.status_code, error["code"]) == (422, code)
    assert said in error["message"]


async def test_a_json_body_without_end_is_refused_whether_its_length_is_stated_or_not(
    client: httpx.AsyncClient,
) -> None:
    async def endless() -> object:
        for _ in range(40):
            yield b" " * 50_000

    for content in (b" " * 2_000_000, endless()):
        response = await client.post("/v1/room-tokens", content=content, headers={"Content-Type": "application/json"})
        assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


async def test_a_bug_answers_with_an_id_that_is_in_the_log(
    serving: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from visavis.service.agents import AgentService

    async def broken(self: AgentService) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(AgentService, "all", broken)
    async with serving() as client:
        with caplog.at_level(logging.ERROR):
            response = await client.get("/v1/agents")
        assert response.status_code == 500
        error = error_of(response)
    assert error["code"] == "internal_error" and "secret" not in response.text
    (record,) = [record for record in caplog.records if hasattr(record, "error_id")]
    assert record.error_id in error["hint"]
    assert record.exc_info and "a secret detail" in str(record.exc_info[1])


async def test_pages_of_other_origins_are_not_let_in_unless_configured(serving: Serve) -> None:
    preflight = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with serving() as client:
        assert "access-control-allow-origin" not in (await client.get("/v1/agents", headers=preflight)).headers
    async with serving(cors_origins="https://app.example") as client:
        client.headers.pop("Authorization")
        allowed = await client.options("/v1/agents", headers=preflight)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        refused = await client.get("/v1/agents", headers={"Origin": "https://app.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://app.example"
        other = await client.get("/v1/agents", headers={"Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_health_says_it_answers_and_readiness_says_what_works(serving: Serve) -> None:
    async with serving() as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["checks"] == {"database": True}
        assert ready.json()["sessions"] | {"max": 0} == {
            "running": 0, "max": 0, "strain": 0.0, "accepting": True, "refusal": None
        }  # fmt: skip
    nowhere = {"livekit_url": "ws://127.0.0.1:9", "livekit_api_key": "key", "livekit_api_secret": "s" * 32}
    async with serving(**nowhere) as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["status"] == "not_ready"
        assert ready.json()["checks"] == {"database": True, "livekit": False}


async def test_a_key_is_made_where_none_is_configured(serving: Serve, tmp_path: Path) -> None:
    async with serving(api_key=None) as client:
        assert (await client.get("/v1/agents")).status_code == 401
        key = (await client.get("/studio-config.json")).json()["api_key"]
        response = await client.get("/v1/agents", headers={"Authorization": f"Bearer {key}"})
        assert response.status_code == 200
