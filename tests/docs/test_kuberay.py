"""The manifest for KubeRay is what its operator takes, and what it starts is a command of this harness.

The schema is the part of KubeRay's and Kubernetes' own that the manifest uses, closed, so that a misspelled key is noticed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from mlebench.cli.commands import run
from mlebench.cli.main import command_parser

MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "docs" / "kuberay.yaml").read_text(encoding="utf-8"))
CLUSTER = MANIFEST["spec"]["rayClusterSpec"]
TEMPLATES = [CLUSTER["headGroupSpec"]["template"], *(group["template"] for group in CLUSTER["workerGroupSpecs"])]

TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
QUANTITY = {"type": ["string", "integer"], "pattern": r"^[0-9]+(\.[0-9]+)?([kKMGTPE]i?|m)?$"}
QUANTITIES = {"type": "object", "propertyNames": {"enum": ["cpu", "memory", "nvidia.com/gpu"]}, "additionalProperties": QUANTITY}


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


CONTAINER = closed(
    {
        "name": NAME,
        "image": TEXT,
        "args": many(TEXT),
        "env": many(closed({"name": TEXT, "value": TEXT}, "name", "value")),
        "envFrom": many(closed({"secretRef": closed({"name": NAME, "optional": {"type": "boolean"}}, "name")}, "secretRef")),
        "securityContext": closed({"runAsUser": WHOLE, "privileged": {"type": "boolean"}}),
        "resources": closed({"requests": QUANTITIES, "limits": QUANTITIES}),
        "volumeMounts": many(closed({"name": NAME, "mountPath": {"type": "string", "pattern": "^/"}}, "name", "mountPath")),
    },
    "name",
    "image",
)
VOLUME = closed(
    {
        "name": NAME,
        "persistentVolumeClaim": closed({"claimName": NAME}, "claimName"),
        "emptyDir": closed({"sizeLimit": QUANTITY}),
    },
    "name",
)
POD = closed({"terminationGracePeriodSeconds": WHOLE, "containers": many(CONTAINER), "volumes": many(VOLUME)}, "containers")
TEMPLATE = closed({"spec": POD}, "spec")
# the operator hands these to `ray start`, as texts
START = {"type": "object", "additionalProperties": TEXT}
HEAD = closed({"rayStartParams": START, "template": TEMPLATE}, "rayStartParams", "template")
REPLICAS = {"replicas": WHOLE, "minReplicas": WHOLE, "maxReplicas": WHOLE}
WORKERS = closed(
    {"groupName": NAME, **REPLICAS, "rayStartParams": START, "template": TEMPLATE},
    *("groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"),
)
CLUSTER_SPEC = closed({"rayVersion": TEXT, "headGroupSpec": HEAD, "workerGroupSpecs": many(WORKERS)}, "headGroupSpec")
SPEC = closed(
    {
        "entrypoint": TEXT,
        "backoffLimit": WHOLE,
        "shutdownAfterJobFinishes": {"type": "boolean"},
        "ttlSecondsAfterFinished": WHOLE,
        "rayClusterSpec": CLUSTER_SPEC,
    },
    "entrypoint",
    "rayClusterSpec",
)
RAY_JOB = closed(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": closed({"name": {**NAME, "maxLength": 47}}, "name"),
        "spec": SPEC,
    },
    *("apiVersion", "kind", "metadata", "spec"),
)


def test_the_manifest_is_what_the_operator_takes() -> None:
    Draft202012Validator.check_schema(RAY_JOB)
    assert [f"{error.json_path}: {error.message}" for error in Draft202012Validator(RAY_JOB).iter_errors(MANIFEST)] == []


def test_what_it_starts_are_commands_of_this_harness() -> None:
    """The first time a group is made, after a restart of the cluster it is resumed."""
    _, _, script = shlex.split(MANIFEST["spec"]["entrypoint"])
    commands = re.findall(r"exec mlebench run (.*?);", script)
    assert len(commands) == 2
    resumed, first = [command_parser("run", run).parse_args(shlex.split(command)) for command in commands]
    assert (resumed.resume, resumed.executor, resumed.address) == (first.name, "ray", "auto")
    assert resumed.runs_dir == first.runs_dir and f"{first.runs_dir}/{first.name}/group.yaml" in script
    mounted = {mount["mountPath"] for template in TEMPLATES for mount in template["spec"]["containers"][0]["volumeMounts"]}
    for folder in (first.data_dir, first.runs_dir, first.images_from, first.node_data):
        assert any(str(folder).startswith(f"{place}/") for place in mounted), folder


@pytest.mark.parametrize("template", TEMPLATES, ids=["head", "worker"])
def test_every_mount_has_its_volume(template: dict[str, Any]) -> None:
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for each in template["spec"]["containers"] for mount in each["volumeMounts"]} == volumes


def test_the_engine_sees_what_it_mounts_at_the_same_paths_as_the_harness() -> None:
    worker, engine = TEMPLATES[1]["spec"]["containers"]
    assert worker["volumeMounts"] == engine["volumeMounts"]
    environment = {entry["name"]: entry["value"] for entry in worker["env"]}
    assert f"--host={environment['DOCKER_HOST']}" in engine["args"]
    shared = {mount["mountPath"] for mount in engine["volumeMounts"]}
    assert environment["TMPDIR"] in shared


def test_runs_book_no_more_than_the_engine_has() -> None:
    engine = TEMPLATES[1]["spec"]["containers"][1]["resources"]
    booked = CLUSTER["workerGroupSpecs"][0]["rayStartParams"]
    assert int(booked["num-cpus"]) <= int(engine["requests"]["cpu"])
    assert int(booked["memory"]) <= int(engine["limits"]["memory"].removesuffix("Gi")) * 2**30
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
