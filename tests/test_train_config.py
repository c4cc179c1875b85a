"""The configuration of training: its keys, its presets, what has become of former ones, and whose run folder it is."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from commands import command

from research.stages import ResearchConfig
from research.train import PRESETS as RESEARCH_PRESETS
from research.train import main as research
from spatialfusion.errors import InputError
from spatialfusion.train.__main__ import DATA, STAGES, main, parse_arguments
from spatialfusion.train.config import (
    PRESETS,
    StageConfig,
    TrainConfig,
    flat_keys,
    load_config,
    preset_names,
    save_config,
    stage_configs,
)
from spatialfusion.train.keys import key_comments

run, fail = command(main)


def groups(kind: type, prefix: str = "") -> dict[str, type]:
    """All dataclasses of a configuration by the prefix of their keys."""
    found = {prefix: kind}
    for f in dataclasses.fields(kind):
        value = getattr(kind(), f.name)
        if dataclasses.is_dataclass(value):
            found |= groups(type(value), f"{prefix}{f.name}.")
    return found


def test_there_are_few_keys():
    leaves = [
        f"{prefix}{f.name}"
        for prefix, kind in groups(TrainConfig).items()
        for f in dataclasses.fields(kind)
        if not dataclasses.is_dataclass(getattr(kind(), f.name))
    ]
    assert sorted(leaves) == sorted(key for key, _ in flat_keys(TrainConfig()))
    assert len(leaves) == len(set(leaves)) <= 140


def test_every_key_is_set_by_a_preset_or_explained():
    used: set[str] = set()
    for path in (*PRESETS.glob("*.yaml"), *RESEARCH_PRESETS.glob("*.yaml")):
        default, config = ResearchConfig(), load_config(path, kind=ResearchConfig)
        values = dict(flat_keys(default))
        used |= {key for key, value in flat_keys(config) if value != values[key]}
    for prefix, kind in groups(TrainConfig).items():
        for name in (f.name for f in dataclasses.fields(kind)):
            if not dataclasses.is_dataclass(getattr(kind(), name)):
                assert f"{prefix}{name}" in used or key_comments(kind).get(name), f"{prefix}{name}"


def test_the_registry_and_the_configuration_have_the_same_stages():
    assert list(STAGES) == list(stage_configs(TrainConfig()))
    for name, entry in STAGES.items():
        stage = entry.load()
        assert stage.name == name
        assert not stage.network or hasattr(TrainConfig().model, stage.network)
    for preset in ("tiny", "smoke"):
        assert parse_arguments([preset])[1] == (DATA, "vae", "language", "diffusion", "stage1", "stage2", "judge")
    assert preset_names() == ["published", "smoke", "tiny"]


def test_all_keys_are_printed_with_their_defaults(capsys):
    run("--keys")
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    for key, _ in flat_keys(TrainConfig()):
        assert sum(line.startswith(f"{key}=") for line in lines) == 1, key
    # Comments stand above their keys: of the group itself, of what it inherits, behind a value and above it.
    assert "# images to render\ndata.train_scenes=12800\n" in printed
    assert "parts a batch goes through the network, to save memory\nstage2.accumulate=1\n" in printed
    assert "## Sizes of the run's own autoencoder" in printed
    above = lines[lines.index("stage1.kv_noise=0.0") - 2 : lines.index("stage1.kv_noise=0.0")]
    assert " ".join(line.lstrip("# ") for line in above).startswith("Noise on the LLM's keys and values")
    assert "controlnet." not in printed
    command(research)[0]("--keys")
    assert (
        "# blocks of the ControlNet; the tiny diffusion model has 6\ncontrolnet.layers=3\n" in capsys.readouterr().out
    )


def test_a_comment_in_a_string_is_none():
    @dataclasses.dataclass
    class Own(StageConfig):
        word: str = "# no comment"
        other: int = 3  # é one
        # Above,
        # in two lines.
        last: int = 4

    found = key_comments(Own)
    assert "word" not in found and found["other"] == "é one" and found["last"] == "Above, in two lines."
    assert found["ema"] == key_comments(StageConfig)["ema"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("tiny stage1.caption_dropout=0", "key 'stage1.caption_dropout' is no more: expected data.mix.caption_dropout"),
        ("tiny diffusion.checkpoint_every=9", "key 'diffusion.checkpoint_every' is no more: expected checkpoint_every"),
        ("tiny grounding.steps=9", "key 'grounding.steps' is no more: expected stage1"),
        ("tiny source.steps=9", "expected stage1.source_weight"),
        ("tiny stage1.freeze_source=true", "expected stage1.source_weight"),
        ("tiny model.vae.z_dim=8", "key 'model.vae.z_dim' is no more: it is always 16"),
        ("tiny stage2.validity_weight=1", "it is always 0.3"),
        ("tiny controlnet.layers=2", "expected python -m research.train"),
        ("tiny stage=adapter", "stage 'adapter' is no more: expected python -m research.train"),
        ("tiny stage=foundation", "stage 'foundation' is no more: expected all"),
        ("qwen-image-2.1 run=x", "preset 'qwen-image-2.1' is no more: expected published base=qwen-image-2.1"),
        ("evidence", "preset 'evidence' is no more: expected python -m research.train"),
    ],
)
def test_what_is_no_more_names_its_successor(arguments, sentence, capsys):
    assert sentence in fail(capsys, *arguments.split())


def test_successors_are_there_and_what_is_there_has_none():
    from spatialfusion.train import former_keys

    keys = dict(flat_keys(TrainConfig()))
    assert {f"data.mix.{name}" for name in former_keys.MIX} <= keys.keys()
    assert set(former_keys.OF_THE_RUN) | {"stage1.source_weight"} <= keys.keys()
    assert not [key for key in keys if former_keys.say_successor(key)]
    for prefix, kind in groups(TrainConfig).items():
        for name, value in former_keys.FIXED.items():
            if hasattr(kind, name) and f"{prefix}{name}" not in keys:
                fixed = getattr(kind, name)
                assert value == (", ".join(map(str, fixed)) if isinstance(fixed, tuple) else f"{fixed:g}")


def test_a_run_of_another_recipe_is_refused(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    other = load_config("published", {"run": str(folder), "base": "omnigen2"})
    save_config(other, folder / "config.yaml")
    said = fail(capsys, "smoke", f"run={folder}")
    assert "holds a run of another recipe" in said and "has base omnigen2 and not none" in said
    # One of an older version: its keys tell.
    values = yaml.safe_load((folder / "config.yaml").read_text()) | {"base": None, "grounding": {"steps": 3}}
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    assert "config.yaml has the key grounding.steps): expected another folder." in fail(
        capsys, "smoke", f"run={folder}"
    )
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    # With the ablations' stages the same keys and more are known.
    save_config(load_config("smoke", {"run": str(folder)}, ResearchConfig), folder / "config.yaml")
    assert "has the key adapter.steps" in fail(capsys, "smoke", f"run={folder}")


def test_presets_say_what_differs(tmp_path):
    for name in preset_names():
        written = yaml.safe_load((PRESETS / f"{name}.yaml").read_text())
        assert load_config(name).run == f"runs/{name}"
        assert written.keys() <= {f.name for f in dataclasses.fields(TrainConfig)}
    with pytest.raises(InputError, match=r"unknown key 'adapter\.stepps'"):
        load_config("smoke", {"adapter.stepps": "3"}, ResearchConfig)
