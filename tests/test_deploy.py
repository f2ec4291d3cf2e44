"""What docs/deploy holds is valid by its own schemas, and names only what the program has."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from qualityroute import Config
from qualityroute.cli import main
from qualityroute.gateway.serving import _LAST_RESORT
from qualityroute.store.postgres.store import LOOKS

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "docs" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS: dict[str, Any] = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
}
KUBERNETES = ("1.29", "1.37")
TOML = (DEPLOY / "qualityroute.toml").read_text()
CONFIG = Config.model_validate(tomllib.loads(TOML))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GATEWAY = COMPOSE["services"]["gateway-1"]
POD = MANIFESTS["deployment"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
KEY_CONTAINER = MANIFESTS["first-key"]["spec"]["template"]["spec"]["containers"][0]
COMMANDS = {
    "compose": GATEWAY["command"],
    "deployment": CONTAINER["args"],
    "first key": KEY_CONTAINER["args"],
    "image": re.findall(r'"([^"]+)"', DOCKERFILE.rpartition("\nCMD ")[2]),
}


# --- schemas


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", MANIFESTS)
def test_each_manifest_keeps_to_the_schemas_of_kubernetes(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_a_manifest_with_a_misspelt_field_is_refused() -> None:
    broken = copy.deepcopy(MANIFESTS["deployment"])
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(broken, KUBERNETES[1], strict=True)


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    compose_spec.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text())


def test_a_compose_file_with_a_misspelt_condition_is_refused() -> None:
    broken = (DEPLOY / "compose.yaml").read_text().replace("condition: service_healthy", "condition: service_helthy")
    with pytest.raises(ValueError, match="service_helthy"):
        compose_spec.PyCompose.from_yaml(broken)


# --- what they name is there


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_one_that_the_program_knows(name: str) -> None:
    *words, options = split(COMMANDS[name])
    help_text = CliRunner().invoke(main, [*words, "--help"])
    assert help_text.exit_code == 0, help_text.output
    for option in options:
        assert option in help_text.output, f"'{option}' is no option of '{' '.join(words)}'"


def split(command: list[str]) -> Iterator[Any]:
    """The words that name a command, then its options."""
    words = command[: 2 if command[0] == "keys" else 1]
    yield from words
    yield [word for word in command if word.startswith("--")]


def test_compose_kubernetes_and_the_image_start_the_gateway_alike() -> None:
    assert COMMANDS["compose"] == COMMANDS["deployment"] == COMMANDS["image"]


def test_the_configuration_is_read_and_its_store_is_shared() -> None:
    assert CONFIG.store.url.startswith("postgresql://")
    assert ":" not in CONFIG.store.url.partition("//")[2].partition("@")[0], "a password stands in the configuration"
    assert MANIFESTS["configmap"]["data"]["qualityroute.toml"] == TOML


def test_every_key_of_a_provider_is_handed_to_the_gateway_out_of_a_secret() -> None:
    wanted = {provider.api_key_env for provider in CONFIG.providers.values() if provider.api_key_env} | {"PGPASSWORD"}
    assert wanted == set(GATEWAY["environment"])
    assert all(re.match(r"\$\{\w+:\?", value) for value in GATEWAY["environment"].values())
    assert wanted == {entry["name"] for entry in CONTAINER["env"]}
    assert all("secretKeyRef" in entry["valueFrom"] for entry in [*CONTAINER["env"], *KEY_CONTAINER["env"]])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_ask_what_the_gateway_answers(path: str) -> None:
    from qualityroute.engine import Engine
    from qualityroute.gateway import build_app
    from qualityroute.testing import ScriptedClient

    probes = {CONTAINER[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    asked = probes | set(re.findall(r":8080(/\w+)", str(COMPOSE)))
    assert asked == {"/healthz", "/readyz"}
    client = ScriptedClient({"efficiency": "a", "performance": "b", "judge": "yes"})
    assert answer_of(build_app(Engine(CONFIG, client=client, store="sqlite://")), path) == 200


def answer_of(app: Any, path: str) -> int:
    from starlette.testclient import TestClient

    with TestClient(app, client=("127.0.0.1", 50_000)) as client:
        return int(client.get(path).status_code)


def test_ports_meet_from_the_balancer_to_the_gateway() -> None:
    port = CONTAINER["ports"][0]
    assert CONTAINER["args"][-1] == str(port["containerPort"]) == GATEWAY["command"][-1] == "8080"
    assert MANIFESTS["service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert re.findall(r"server (gateway-\d):(\d+);", nginx) == [("gateway-1", "8080"), ("gateway-2", "8080")]
    assert {"gateway-1", "gateway-2"} <= set(COMPOSE["services"])
    assert "EXPOSE 8080" in DOCKERFILE


def test_selectors_find_the_pods() -> None:
    labels = MANIFESTS["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["deployment"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert MANIFESTS["service"]["spec"]["selector"].items() <= labels.items()
    assert MANIFESTS["disruption"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert not labels.items() <= MANIFESTS["first-key"]["spec"]["template"]["metadata"]["labels"].items()
    assert MANIFESTS["autoscaler"]["spec"]["scaleTargetRef"]["name"] == MANIFESTS["deployment"]["metadata"]["name"]


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    assert "USER 10001:10001" in DOCKERFILE
    assert (GATEWAY["user"], GATEWAY["read_only"]) == ("10001:10001", True)
    for name in ("deployment", "first-key"):
        pod = MANIFESTS[name]["spec"]["template"]["spec"]
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert all(is_confined(container["securityContext"]) for container in pod["containers"])


def is_confined(context: Mapping[str, Any]) -> bool:
    return (
        context["readOnlyRootFilesystem"]
        and not context["allowPrivilegeEscalation"]
        and context["capabilities"]["drop"] == ["ALL"]
    )


def test_a_gateway_has_the_time_to_end_what_is_under_way() -> None:
    grace = CONFIG.gateway.shutdown_grace + timedelta(seconds=_LAST_RESORT)
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > grace.total_seconds() + pause
    assert int(GATEWAY["stop_grace_period"].removesuffix("s")) > grace.total_seconds()


def test_all_gateways_together_stay_below_the_connections_that_postgresql_allows() -> None:
    """One that writes, those for look-ups, two for reports; PostgreSQL keeps three of its 100 for the superuser."""
    assert MANIFESTS["autoscaler"]["spec"]["maxReplicas"] * (1 + LOOKS + 2) <= 100 - 3
