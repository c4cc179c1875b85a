"""Stages 1 and 2 on labelled records and published models: each backbone's real classes at tiny sizes."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from shards import read_shard
from tiny import SIZE, TINY_BACKBONES
from tiny_inputs import EDITING
from torch import nn
from transformers import Dinov2Config, Dinov2Model

from spatialfusion.backbones import omnigen2, published, qwen_image_21
from spatialfusion.data.reader import Reader
from spatialfusion.data.record_latents import RecordLatents
from spatialfusion.data.records import shard_paths, write_shard
from spatialfusion.errors import InputError
from spatialfusion.label import main as label
from spatialfusion.model.context import LANGUAGE_MODELS
from spatialfusion.model.model import FILE_NAME
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.train import samples, stage2
from spatialfusion.train.__main__ import parse_arguments, seed_model
from spatialfusion.train.base import Base, published_repository
from spatialfusion.train.config import MixConfig, TrainConfig, load_config
from spatialfusion.train.engine import make_accelerator, sample_generator, train_stage
from spatialfusion.train.samples import RecordSamples
from spatialfusion.train.stage1 import Stage1, detail_mask
from spatialfusion.train.stage2 import Stage2

CPU = torch.device("cpu")
PLAIN = {name: name for name in ("text_encoder", "tokenizer", "transformer", "vae", "scheduler")}
FOLDERS = {
    "qwen-image": ("QwenImagePipeline", PLAIN | {"image_processor": "processor"}),
    "qwen-image-2.1": ("QwenImage21Pipeline", qwen_image_21.BACKBONE.published.folders),
    "omnigen2": ("OmniGen2Pipeline", omnigen2.BACKBONE.published.folders),
}


def save_base(name: str, folder: Path) -> Path:
    """A published model, in the layout of its authors, without anything of SpatialFusion."""
    class_name, subfolders = FOLDERS[name]
    components = TINY_BACKBONES[name].components()
    index = {"_class_name": class_name}
    for part, subfolder in subfolders.items():
        components[part].save_pretrained(folder / subfolder)
        module = type(components[part]).__module__.split(".")[0]
        index[subfolder] = [module, type(components[part]).__name__]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="module")
def square(tmp_path_factory) -> Path:
    """Eight records of 64 x 64 pixels, every third an edit, in shards of 5."""
    folder = tmp_path_factory.mktemp("square")
    options = ["--count", "8", "--size", "64x64", "--edits", "0.34", "--shard-size", "5"]
    label(["--teacher", "scenes", *options, "--out", str(folder)])
    return folder


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """Four records of 96 x 64 pixels; of two of them nobody knows the camera."""
    folder = tmp_path_factory.mktemp("wide")
    label(["--teacher", "scenes", "--count", "4", "--size", "96x64", "--edits", "0", "--out", str(folder)])
    rows = read_shard(shard_paths(folder)[0])
    for row in rows[:2]:
        row |= dict.fromkeys(("hfov", "fx", "fy", "cx", "cy")) | {"hfov_source": "unknown"}
    write_shard(shard_paths(folder)[0], rows)
    return folder


@dataclasses.dataclass
class Trained:
    """A run over one base: stage 2 as it is built after stage 1."""

    config: TrainConfig
    base: Path
    stage1: Stage1
    stage2: Stage2

    @property
    def run(self) -> Path:
        return Path(self.config.run)


def make_config(base: Path | None, run: Path, folders: list[Path], **changes: object) -> TrainConfig:
    values = {"run": run, "device": "cpu", "precision": "fp32", "data.side": SIZE}
    values |= {"base": "none" if base is None else base, "data.records": ",".join(map(str, folders))}
    values |= {"stage2.dit": "lora", "stage2.injection": "add"}
    values |= {"stage1.batch": 4, "stage2.batch": 4, "stage2.lora_rank": 2, "stage1.ema": 0, "stage2.ema": 0}
    return load_config("smoke", {key: str(value) for key, value in (values | changes).items()})


@pytest.fixture(scope="module", params=EDITING)
def trained(request, tmp_path_factory, square, wide) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    base = save_base(request.param, folder / "base")
    config = make_config(base, folder / "run", [square, wide])
    torch.manual_seed(0)
    stage1 = Stage1(config, folder / "run", CPU)
    optimizer = torch.optim.AdamW(stage1.trained.parameters(), 1e-3)
    for step in range(2):
        step_once(stage1, step, optimizer)
    stage1.export(folder / "run" / "model")
    return Trained(config, base, stage1, Stage2(config, folder / "run", CPU))


def make_batch(stage: Stage1, step: int) -> dict:
    indices = stage.indices(step, range(4))
    with torch.no_grad():
        return stage.batch(indices, [sample_generator(0, stage.name, step, index) for index in indices])


def step_once(stage: Stage1, step: int, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    optimizer.zero_grad()
    loss, metrics = stage.loss(make_batch(stage, step))
    assert loss.isfinite()
    loss.backward()
    optimizer.step()
    return metrics


def copies(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


# Every backbone


def test_training_reaches_what_is_trained_and_nothing_else(trained):
    stage = trained.stage2
    frozen = {"mllm": stage.encoder.text_encoder, "vae": stage.vae}
    before = {name: copies(module) for name, module in frozen.items()}
    base, learnt = copies(stage.transformer), copies(stage.trained)
    optimizer = torch.optim.AdamW(stage.trained.parameters(), 1e-2, weight_decay=0)
    batches = [make_batch(stage, step) for step in range(4)]
    assert len({batch["latents"].shape for batch in batches}) == 2  # both buckets
    known = torch.cat([batch["has_camera"] for batch in batches])
    given = torch.cat([batch["has_depth"] for batch in batches])
    assert not known.all() and not given[~known].any() and given.any()
    # Three steps: what stands before a layer that starts at zero moves after it.
    steps = [step for step, batch in enumerate(batches) if batch["has_depth"].any()]
    for step in (steps * 3)[:3]:
        metrics = step_once(stage, step, optimizer)
    assert metrics["loss_diffusion"].isfinite() and metrics["residual_rms"] > 0
    for name, module in frozen.items():
        assert all(torch.equal(tensor, before[name][key]) for key, tensor in module.state_dict().items())
    changed = {name for name, tensor in stage.trained.state_dict().items() if not torch.equal(tensor, learnt[name])}
    for part in ("delta.weight", "spatial.adapter.patchify.weight", "spatial.depth_head.fov.weight"):
        assert part in changed
    assert any(name.startswith("lora.") and "lora_A" in name for name in changed)
    for name, tensor in stage.transformer.state_dict().items():
        assert ".lora_" in name or torch.equal(tensor, base[name]), name


def test_the_exported_file_is_all_that_the_pipeline_needs(trained):
    model = trained.run / "model"
    with torch.no_grad():
        trained.stage2.model.adapter.out.weight.normal_(std=0.1)
    trained.stage2.export(model)
    assert [path.name for path in model.iterdir()] == [FILE_NAME]
    pipe = SpatialFusionPipeline.from_pretrained(trained.base, spatialfusion=model, default_size=SIZE)
    pipe.set_progress_bar_config(disable=True)
    config = pipe.spatialfusion.config
    assert config.backbone == pipe.backbone.name and config.lora_rank == 2
    assert config.projection_shape == tuple(trained.stage2.delta.weight.shape)

    def draw(**options: object) -> torch.Tensor:
        seed = torch.Generator().manual_seed(0)
        fast = {"num_inference_steps": 1, "depth_steps": 1, "guidance_scale": 1.0, "output_type": "latent"}
        return pipe("a red car", generator=seed, **fast | options).images

    assert draw().isfinite().all()
    assert not torch.equal(draw(), draw(controlnet_conditioning_scale=0.0))
    # It is what the stage has, and it goes on from there.
    again = Stage1(trained.config, trained.run, CPU)
    for name, tensor in trained.stage2.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_a_validation_sheet_shows_the_records(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(stage2, "SHEET_STEPS", 1)
    monkeypatch.setattr(samples, "SHEET_RECORDS", 3)
    with torch.no_grad():
        assert trained.stage2.validate(tmp_path, 7) == {}  # no records were held out
    assert (tmp_path / "sheet-7.png").stat().st_size > 1000


def test_depth_is_concatenated_for_qwen_image_alone(trained):
    stage, name = trained.stage2, trained.stage2.base.backbone.name
    options, stage.options = stage.options, dataclasses.replace(stage.options, injection="concat")
    try:
        expected = "differs from add" if name == "qwen-image" else f"is for qwen-image alone, and this base is {name}"
        stage.model.backbone_tensors = {"projection.weight": stage.delta.weight}
        with pytest.raises(InputError, match=expected):
            stage.choose_injection()
    finally:
        stage.options = options


# One backbone is enough


@pytest.fixture(scope="module")
def qwen(tmp_path_factory) -> Path:
    return save_base("qwen-image", tmp_path_factory.mktemp("qwen") / "base")


class KilledError(Exception):
    pass


def test_a_killed_run_goes_on_over_the_same_records(qwen, square, wide, tmp_path):
    seen: dict[str, list] = {"whole": [], "broken": []}

    def train(run: str, killed_at: int | None = None) -> dict[str, torch.Tensor]:
        class Quiet(Stage2):
            looked = False

            def validate(self, folder, step):
                return {}

            def loss(self, batch):
                if not self.looked:  # the pass before training
                    self.looked = True
                    return super().loss(batch)
                if len(seen[run]) == killed_at:
                    raise KilledError
                seen[run].append(batch["texts"])
                return super().loss(batch)

        steps = {"stage2.steps": 5, "checkpoint_every": 2, "stage2.accumulate": 2, "data.mix.source_dropout": 0.3}
        config = make_config(qwen, tmp_path / run, [square, wide], **steps)
        train_stage(Quiet, config, make_accelerator(config))
        (newest,) = (tmp_path / run / "stage2" / "checkpoints").glob("step-0000005")
        files = {name: load_file(newest / f"{name}.safetensors") for name in ("trained", "optimizer")}
        return {f"{name} {key}": tensor for name, file in files.items() for key, tensor in file.items()}

    whole = train("whole")
    with pytest.raises(KilledError):
        train("broken", killed_at=7)  # in the middle of step 3; there is a checkpoint of 2
    broken = train("broken")
    assert seen["broken"] == seen["whole"][:7] + seen["whole"][4:]
    assert whole.keys() == broken.keys() and all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_base_of_sixteen_bits_is_trained_in_thirty_two(qwen, square, tmp_path):
    config = make_config(qwen, tmp_path, [square], precision="bf16", frozen_precision="bf16")
    stage = Stage2(config, tmp_path, CPU)
    assert stage.transformer.img_in.weight.dtype == stage.encoder.text_encoder.dtype == torch.bfloat16
    assert {p.dtype for p in stage.trained.parameters()} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = stage.loss(make_batch(stage, 0))
    loss.backward()
    assert loss.isfinite() and stage.delta.weight.grad.any()


def test_the_source_encoder_starts_from_dinov2(qwen, square, tmp_path):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "mlp_ratio": 2}
    dinov2 = Dinov2Model(Dinov2Config(**sizes))
    dinov2.save_pretrained(tmp_path / "dinov2")
    config = make_config(qwen, tmp_path / "run", [square], **{"model.spatial.dinov2": tmp_path / "dinov2"})
    stage = Stage1(config, tmp_path / "run", CPU)
    started = stage.model.source_encoder.state_dict()
    assert all(torch.equal(tensor, started[name]) for name, tensor in dinov2.state_dict().items())
    assert stage.loss(make_batch(stage, 0))[0].isfinite()


def test_a_model_of_ones_own_learns_from_records(tiny_folder, square, wide, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "model")
    config = make_config(None, tmp_path, [square], **{"data.validation_records": wide})
    stage = Stage1(config, tmp_path, CPU)
    with torch.no_grad():
        chunks = list(stage.validation.chunks())
        assert len(stage.validation.examples()) == 4 and sum(map(len, chunks)) == 4
        batch = Stage1.make_batch(stage, stage.validation.load(chunks[0], generators := seeds(4)), generators)
        assert batch["y"].shape[-1] % batch["noise"].shape[-1] == 0
        losses = stage.loss(batch)[1]
        assert losses["loss_depth"].isfinite() and losses["loss_validity"].isfinite()


def seeds(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(i) for i in range(count)]


def test_an_unknown_camera_teaches_no_field_of_view_and_no_metres(qwen, square, wide, tmp_path):
    stage = Stage1(make_config(qwen, tmp_path, [square, wide]), tmp_path, CPU)
    step = next(step for step in range(9) if not make_batch(stage, step)["has_camera"].all())
    batch = make_batch(stage, step)
    assert batch["has_camera"].any()

    def gradients(known: torch.Tensor) -> dict[str, torch.Tensor]:
        stage.model.zero_grad()
        stage.options = dataclasses.replace(stage.options)
        stage.options.detail_weight = 0.0
        loss, _ = stage.loss(batch | {"has_camera": known})
        loss.backward()
        head = stage.model.depth_head
        return {"fov": head.fov.weight.grad.clone(), "map": head.out[-1].weight.grad.clone()}

    nobody, all_ = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    none = gradients(nobody)
    # The map's channels are depth and validity.
    assert not none["fov"].any() and not none["map"][0].any() and none["map"][1].any()
    full = gradients(all_)
    assert full["fov"].any() and full["map"][0].any()
    torch.testing.assert_close(full["map"][1], none["map"][1])
    mixed, rest = gradients(batch["has_camera"]), gradients(~batch["has_camera"])
    torch.testing.assert_close(mixed["fov"] + rest["fov"], full["fov"])
    torch.testing.assert_close(mixed["map"][0] + rest["map"][0], full["map"][0])


def test_detail_without_a_camera_is_learnt_where_a_factor_changes_nothing():
    y = torch.randn(2, 2, 8, 8)
    y[:, 1] = 1
    y[:, 1, 0, 0] = -1
    mask = detail_mask(y, torch.tensor([1.0, 0.0]), 4)
    assert mask[0].all() and mask[1, 1].all()
    assert not mask[1, 0, :4, :4].any() and mask[1, 0, 4:].all() and mask[1, 0, :, 4:].all()


# Samples


def reader_samples(folders: list[Path], **options: object) -> RecordSamples:
    reader = Reader([(folder, 1.0) for folder in folders], 4, [(64, 64), (96, 64)])
    return RecordSamples(reader, MixConfig(**options))


def test_ranks_and_parts_make_up_the_batch(square, wide):
    data = reader_samples([square, wide])
    for step in (0, 3, 8):
        whole = data.indices(step, range(4))
        assert whole == data.indices(step, range(0, 2)) + data.indices(step, range(2, 4))
        assert whole == reader_samples([square, wide]).indices(step, range(4))
        assert len(set(whole)) == 4  # a record that fills a batch up has noise of its own
        assert len({data.reader.size(place.folder, place.record) for place in whole}) == 1


def test_captions_and_sources_are_dropped_as_asked(square):
    def load(**options: float) -> list[samples.Samples]:
        data = reader_samples([square], **options)
        return [data.load(data.indices(step, range(4)), seeds(4)) for step in range(2)]

    rows = {row["id"]: row for path in shard_paths(square) for row in read_shard(path)}
    instructions = {row["instruction"] for row in rows.values()} - {None}
    captions = {row["caption"] for row in rows.values()}
    kept, plain, empty = load(caption_dropout=0), load(caption_dropout=0, source_dropout=1), load(caption_dropout=1)
    assert {text for part in kept for text in part.texts} >= instructions
    for part, bare, mute in zip(kept, plain, empty):
        assert [text in instructions for text in part.texts] == [i in part.edits for i in range(4)]
        assert part.sources.shape == (len(part.edits), 3, 64, 64)
        assert set(bare.texts) <= captions and bare.edits == [] and bare.sources.shape == (0, 3, 64, 64)
        # The image stays where the instruction is dropped.
        assert set(mute.texts) == {""} and mute.edits == part.edits
    assert any(part.edits for part in kept)


@pytest.mark.parametrize(
    ("stage", "key", "value", "off"),
    [
        (Stage1, "stage1.layout_weight", 1, 0),
        (Stage2, "stage2.image_object_weight", 3, 1),
        (Stage1, "stage1.source_weight", 1, 0),
        (Stage1, "data.mix.full_fraction", 0.3, 0),
        (Stage1, "stage1.change_weight", 4, 1),
        (Stage2, "data.mix.egocentric_fraction", 0.5, 0),
        (Stage2, "data.mix.answer_fraction", 0.2, 0),
        (Stage2, "data.mix.pose_fraction", 0.5, 0),
    ],
)
def test_what_needs_rendered_scenes_is_not_asked_of_records(qwen, square, tmp_path, stage, key, value, off):
    config = make_config(qwen, tmp_path / "run", [square], **{key: value})
    message = rf"{re.escape(key)} must be off with data\.records, .* give {re.escape(key)}={off}\."
    with pytest.raises(InputError, match=message):
        stage(config, tmp_path / "run", CPU)


def test_folders_without_any_camera_are_refused(wide, tmp_path):
    rows = read_shard(shard_paths(wide)[0])[:2]
    write_shard(tmp_path / "data" / "train-00000.parquet", rows)
    with pytest.raises(InputError, match="has a field of view: label again"):
        reader_samples([tmp_path])


def test_latents_are_encoded_once_and_go_on_where_they_were_broken_off(square, tmp_path):
    folder = tmp_path / "records"
    shutil.copytree(square, folder)
    reader = Reader([(folder, 1.0)], 4, [(64, 64)])
    encoded = []

    def encode(images: torch.Tensor) -> torch.Tensor:
        encoded.append(len(images))
        if sum(encoded) > limit:
            raise KilledError
        return nn.functional.avg_pool2d(images, 8)

    limit = 7  # the first shard has five records and a source image, the second three and one
    with pytest.raises(KilledError):
        RecordLatents(reader, "abc", encode)
    written = sorted(path.name for path in (folder / "latents" / "abc-64x64").iterdir())
    assert written == ["00000.safetensors"]
    limit, encoded = 99, []
    latents = RecordLatents(reader, "abc", encode)
    assert sum(encoded) == 4
    for record in range(8):
        image, source = reader.images(0, record)
        expected = [None if p is None else nn.functional.avg_pool2d(p, 8).half() for p in (image, source)]
        for found, wanted in zip(latents.load(0, record), expected, strict=True):
            assert (found is None) == (wanted is None) and (found is None or torch.equal(found, wanted))
    encoded = []
    RecordLatents(reader, "abc", encode)
    assert encoded == []
    # Other weights, other sizes and other images are other latents.
    RecordLatents(reader, "abd", encode)
    RecordLatents(Reader([(folder, 1.0)], 4, [(32, 32)]), "abc", encode)
    assert sum(encoded) == 2 * 10
    encoded = []
    path = shard_paths(folder)[1]
    write_shard(path, read_shard(path)[:2])
    RecordLatents(Reader([(folder, 1.0)], 4, [(64, 64)]), "abc", encode)
    assert sum(encoded) == 3


# Presets and input


def published_folder(name: str, folder: Path) -> Path:
    """The configurations of a published model, without weights."""
    preset = published.PRESETS[name]
    layout = preset.backbone.published
    for part, network in (("transformer", preset.transformer), ("vae", preset.vae)):
        (folder / part).mkdir(parents=True)
        values = {"_class_name": network.name, **network.config}
        (folder / part / "config.json").write_text(json.dumps(values))
    mllm = layout.folders.get("text_encoder", "text_encoder")
    (folder / mllm).mkdir()
    values = dict(preset.mllm.config)
    if name.startswith("qwen-image") and "2.1" not in name:
        # As Qwen2.5-VL's own file has it: the LLM's numbers are not in a group.
        text = dict(values.pop("text_config"))
        rope = text.pop("rope_parameters")
        values |= text | {"rope_theta": rope["rope_theta"]}
        values["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    (kind,) = (kind for kind, family in LANGUAGE_MODELS.items() if family.class_name == preset.mllm.name)
    (folder / mllm / "config.json").write_text(json.dumps({"model_type": kind, **values}))
    index = {"_class_name": f"{layout.pipeline}Pipeline"}
    (folder / "model_index.json").write_text(json.dumps(index | {"mllm": [], "processor": []}))
    return folder


@pytest.mark.parametrize("name", published.PRESETS)
def test_presets_have_the_published_sizes(name, tmp_path):
    dinov2 = tmp_path / "dinov2"
    Dinov2Config(**published.DINOV2_BASE).save_pretrained(dinov2)
    (dinov2 / "model.safetensors").write_bytes(b"")
    base = published_folder(name, tmp_path / "base")
    config = load_config("published", {"base": str(base), "model.spatial.dinov2": str(dinov2), "data.records": "x"})
    assert config.precision == "bf16" and config.frozen_precision == "bf16"
    found = dataclasses.asdict(Base(config, tmp_path, CPU, CPU, Stage1.unused).spatial_config(config))
    wanted = dataclasses.asdict(published.PRESETS[name].spatial)
    assert Base(config, tmp_path, CPU, CPU, Stage1.unused).lora_rank == wanted["lora_rank"]
    assert published_repository(name) == published.PRESETS[name].repository
    # Of the diffusion model that depth is trained for; stage 2 fills the other two in.
    wanted |= {"backbone": name.removesuffix("-edit"), "projection_shape": None, "lora_rank": 0}
    source, published_source = found.pop("source_encoder"), wanted.pop("source_encoder")
    assert found == wanted and source.items() >= published_source.items()


def test_a_run_with_a_base_has_two_stages():
    preset = ["published", "data.records=[/a,/b:0.5]"]
    assert parse_arguments(preset)[1] == ("stage1", "stage2")
    assert parse_arguments(preset[:1])[1] == ("data", "stage1", "stage2")
    assert parse_arguments([*preset, "stage=stage2"])[1] == ("stage2",)
    with pytest.raises(InputError, match="stage = vae is not one of a run with a base"):
        parse_arguments([*preset, "stage=vae"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data.records": "/a:0"}, "the weight in '/a:0' must be a positive number"),
        ({"data.records": "/a:-1"}, "must be a positive number"),
        ({"data.side": "8"}, "data.side = 8 must be at least 16"),
        ({"base": "/a", "stage2.dit": "full"}, "stage2.dit = full must be lora with a base"),
    ],
)
def test_wrong_settings_are_one_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        load_config("smoke", {"stage2.dit": "lora", "stage2.injection": "add"} | changes)


def test_a_colon_in_a_folders_name_is_no_weight():
    from spatialfusion.train.config import weighted_folders

    assert weighted_folders("x", ["C:/a", "/a:2", "/b"]) == [(Path("C:/a"), 1.0), (Path("/a"), 2.0), (Path("/b"), 1.0)]


def test_a_base_that_is_none_is_one_sentence(qwen, square, tmp_path):
    def open_base(base: Path) -> Base:
        return Base(make_config(base, tmp_path, [square]), tmp_path, CPU, CPU)

    with pytest.raises(InputError, match="is not a model folder"):
        open_base(tmp_path / "none")
    with pytest.raises(InputError, match=r"has no transformer/config.json"):
        open_base(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(qwen, broken)
    weights = broken / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be loaded"):
        open_base(broken).transformer()
    (broken / "transformer" / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"}))
    with pytest.raises(InputError, match="depth cannot be given to UNet2DConditionModel"):
        open_base(broken)


def test_a_checkpoint_of_another_backbone_is_refused(qwen, trained, square, tmp_path):
    config = make_config(qwen, tmp_path, [square], init=trained.run / "model" / FILE_NAME)
    seed_model(config, tmp_path / "model")
    if trained.stage1.model.config.backbone == "qwen-image":
        assert Stage1(config, tmp_path, CPU).model.config.backbone == "qwen-image"
    else:
        with pytest.raises(InputError, match=r"was trained for .*, but the base is qwen-image"):
            Stage1(config, tmp_path, CPU)
