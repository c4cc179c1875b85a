"""Training on several processes, in shards and with recomputed blocks.

As a script, this file trains stages like `python -m spatialfusion.train`: each argument is a JSON of overrides. The
environment says which rank is to be killed, in which stage and at which step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_benchmark import SMALL
from test_train_records import save_base
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spatialfusion.backbones import omnigen2, qwen_image
from spatialfusion.backbones.depth_injection import checkpoint_blocks
from spatialfusion.cost.parts import Request, add_lora
from spatialfusion.cost.training import transformer_activations
from spatialfusion.errors import InputError, run_command
from spatialfusion.files import atomic_file
from spatialfusion.tiny.diffusion import new_transformer
from spatialfusion.train.__main__ import STAGES as REGISTRY
from spatialfusion.train.config import DiffusionConfig, load_config
from spatialfusion.train.data_stage import prepare_data
from spatialfusion.train.engine import make_accelerator, place_networks, sample_index, train_stage
from spatialfusion.train.optim import Average, Optimizers
from spatialfusion.train.probe import ForwardPass, SampleCost, measure, memory_lines
from spatialfusion.train.shard import local
from spatialfusion.train.speed import Speed, known_peak, peak_flops
from spatialfusion.train.stage import Stage

CPU = torch.device("cpu")
DOCS = Path(__file__).parents[1] / "docs"
STAGES = ("stage1", "stage2")
SETTINGS = {
    "device": "cpu",
    "precision": "fp32",
    "threads": "1",
    "data.train_scenes": "16",
    "data.validation_scenes": "2",
    "data.edit_fraction": "0.5",
    "stage2.dit": "lora",
    "stage2.injection": "add",
    **{f"{stage}.{key}": value for stage in STAGES for key, value in {"steps": "10", "batch": "8"}.items()},
    "checkpoint_every": "4",
    "log_every": "5",
}


def config(run: Path, **overrides: str):
    return load_config("smoke", SETTINGS | {"run": str(run)} | overrides)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    """A run folder with rendered images and an untrained model, whose diffusion transformer has three blocks."""
    run = tmp_path_factory.mktemp("start")
    prepare_data(config(run), run)
    parts = tiny.tiny_components()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts["transformer"] = new_transformer(DiffusionConfig(layers=3, heads=1), 16, 64)
        tiny.stir(parts["transformer"])
    for name in ("vae", "text_encoder", "tokenizer", "image_processor", "transformer"):
        parts[name].save_pretrained(run / "model" / name)
    parts["spatialfusion"].backbone_tensors = {}
    parts["spatialfusion"].save(run / "model" / "spatialfusion.safetensors")
    return run


def copy_run(start: Path, run: Path) -> Path:
    # One copy of the images is enough, and nothing writes to them once their latents are cached.
    run.mkdir()
    (run / "data").symlink_to(start / "data")
    shutil.copytree(start / "model", run / "model")
    return run


def launch(*trainings: dict[str, str], **environment: str) -> subprocess.CompletedProcess:
    """`accelerate launch` of this file with two processes; it kills all when one dies."""
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command += ["--main_process_port", "0", __file__, *map(json.dumps, trainings)]
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)


def checkpoint(run: Path, stage: str, step: int = 10) -> dict[str, torch.Tensor]:
    folder = run / stage / "checkpoints" / f"step-{step:07d}"
    files = {name: load_file(folder / f"{name}.safetensors") for name in ("trained", "ema", "optimizer")}
    return {f"{name}/{key}": tensor for name, tensors in files.items() for key, tensor in tensors.items()}


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> tuple[float, float]:
    """Largest difference of the trained weights, and the root of their mean square."""
    assert one.keys() == other.keys()
    flat = torch.cat([(one[key] - other[key]).flatten() for key in one if key.startswith("trained/")])
    return flat.abs().max().item(), flat.square().mean().sqrt().item()


# Two processes --------------------------------------------------------------------------------------------------------

needs_gloo = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")


@pytest.fixture(scope="module")
def runs(start, tmp_path_factory) -> Path:
    """Runs of both stages: by `one` process; by `two`; by two that share the frozen networks and recompute (`shared`);
    by two of which one was `killed` in stage 2, and by two again."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("one", "two", "shared", "killed"):
        copy_run(start, folder / name)
    train(config(folder / "one"))
    two, shared, killed = ({"run": str(folder / name)} for name in ("two", "shared", "killed"))
    sharing = {"shard": "2", "checkpointing": "true"}
    # A base whose transformer is called once for each layout of a prompt.
    layouts = {"base": str(save_base("qwen-image-2.1", folder / "base")), "stage1.steps": "1", "stage2.steps": "3"}
    for name in ("layouts", "shared layouts"):
        (folder / name).mkdir()
        (folder / name / "data").symlink_to(start / "data")
    train(config(folder / "layouts", **layouts))
    done = launch(two, shared | sharing, {"run": str(folder / "shared layouts")} | layouts | sharing)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "output").write_text(done.stdout)
    done = launch(killed, KILL="1 stage2 6")
    assert done.returncode
    (folder / "killed output").write_text(f"{done.stdout}{done.stderr}\nended at {time.time()}")
    done = launch(killed)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
@needs_gloo
@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(runs, stage):
    one, two = (checkpoint(runs / name, stage) for name in ("one", "two"))
    largest, mean = difference(one, two)
    print(stage, largest, mean)
    assert largest < 1e-3 and mean < 1e-5
    one, two = (logged(runs / name / stage, "train/loss") for name in ("one", "two"))
    assert one == pytest.approx(two, rel=1e-4)


@pytest.mark.slow
@needs_gloo
@pytest.mark.parametrize("stage", STAGES)
def test_sharing_frozen_networks_and_recomputing_changes_no_result(runs, stage):
    largest, mean = difference(*(checkpoint(runs / name, stage) for name in ("two", "shared")))
    print(stage, largest, mean)
    assert largest < 1e-5
    for rank in (0, 1):
        whole, part = (json.loads((runs / name / f"{stage}-{rank}.json").read_text()) for name in ("two", "shared"))
        assert whole["here"] == whole["whole"] == part["whole"]
        assert 0.5 * whole["here"] <= part["here"] < 0.52 * whole["here"]
    # What the second process drew is gone.
    assert [path.name for path in (runs / "shared" / stage / "validation").iterdir()] == ["sheet-10.png"]
    said = re.findall(rf"{stage}: memory .*", (runs / "output").read_text())
    assert ["gathered" in line for line in said] == [False, True, True]


@pytest.mark.slow
@needs_gloo
def test_a_shared_network_is_called_equally_often_whatever_the_prompts(runs):
    """Else the processes would wait for each other."""
    largest, mean = difference(*(checkpoint(runs / name, "stage2", 3) for name in ("layouts", "shared layouts")))
    print("layouts", largest, mean)
    assert largest < 1e-3 and mean < 1e-5


@pytest.mark.slow
@needs_gloo
def test_processes_that_share_networks_had_different_kinds_of_samples(runs):
    """Else the test above does not show that a process without edits takes part in those of the other."""
    samples = int(json.loads(next((runs / "two/stage2/checkpoints").glob("*10/state.json")).read_text())["samples"])

    def edits(step: int, rank: int) -> bool:
        places = range(8 * step + 4 * rank, 8 * step + 4 * rank + 4)
        return any(sample_index(0, "stage2", place, samples) >= 16 for place in places)

    assert any(edits(step, 0) != edits(step, 1) for step in range(10))


@pytest.mark.slow
@needs_gloo
def test_a_killed_process_ends_the_other_and_the_run_goes_on_as_if_nothing_had_happened(runs):
    output = (runs / "killed output").read_text()
    killed, ended = (float(re.search(rf"{word} at ([\d.]+)", output)[1]) for word in ("killed", "ended"))
    print("seconds from the kill to the end:", ended - killed)
    # Two seconds where nothing else runs; the launcher would wait for 30 before it kills the other.
    assert ended - killed < 120
    assert "stage2: another process of this run is gone" in output
    two, again = (checkpoint(runs / name, "stage2") for name in ("two", "killed"))
    assert two.keys() == again.keys() and all(torch.equal(two[key], again[key]) for key in two)


def logged(folder: Path, tag: str) -> list[float]:
    events = EventAccumulator(str(folder / "logs"))
    events.Reload()
    return [event.value for event in events.Scalars(tag)]


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"shard": "2"}, "shard = 2 does not divide the number of processes = 1"),
        ({"shard": "0"}, "shard = 0 must be at least 1"),
        ({"shard": "2", "precision": "bf16"}, "shard = 2 needs frozen_precision = precision = bf16"),
        ({"frozen_precision": "bf16"}, "frozen_precision = bf16 needs precision = bf16"),
        ({"peak_tflops": "-1"}, "peak_tflops = -1.0 must not be negative"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path, overrides, message):
    with pytest.raises(InputError, match=message):
        make_accelerator(config(tmp_path, **overrides))


# One process ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stages(start, tmp_path_factory) -> dict[str, Stage]:
    run = copy_run(start, tmp_path_factory.mktemp("stages") / "run")
    made = {name: REGISTRY[name].load()(config(run), run, CPU) for name in STAGES}
    for stage in made.values():
        stage.trained.train()
    return made


def draw(stage: Stage) -> dict:
    """Two samples from text alone and two edits."""
    return stage.batch([0, 1, 16, 17], [torch.Generator().manual_seed(i) for i in range(4)])


def gradients(stage: Stage) -> dict[str, torch.Tensor]:
    stage.trained.zero_grad()
    stage.loss(draw(stage))[0].backward()
    return {name: p.grad for name, p in stage.trained.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", STAGES)
def test_recomputed_blocks_give_the_same_gradients_and_keep_less(stages, name):
    stage = stages[name]
    expected, cost = gradients(stage), measure(stage, draw(stage), 4)
    try:
        stage.recompute()
        actual, less = gradients(stage), measure(stage, draw(stage), 4)
    finally:
        for network in stage.transformers():
            for module in network.modules():
                if hasattr(module, "gradient_checkpointing"):
                    module.gradient_checkpointing = False
    assert expected.keys() == actual.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(actual[key], gradient, rtol=1e-4, atol=1e-6)
    assert less.activations < 0.75 * cost.activations
    # The model's operations: what is computed again does not count.
    assert less.flops == cost.flops and less.tokens == cost.tokens


@pytest.mark.parametrize("backbone", [qwen_image.BACKBONE, omnigen2.BACKBONE], ids=lambda backbone: backbone.name)
def test_a_block_is_computed_again_with_the_lora_that_it_ran_with(backbone):
    transformer = (
        tiny.omnigen2_transformer() if backbone is omnigen2.BACKBONE else new_transformer(DiffusionConfig(2, 1), 16, 64)
    )
    transformer.requires_grad_(False)
    delta, lora = backbone.projection_delta(transformer), backbone.add_lora(transformer, 2)
    tiny.stir(transformer, delta)
    generator = torch.Generator().manual_seed(0)
    latents, residual = (torch.randn(1, 16, 8, 8, generator=generator) for _ in range(2))
    embeds, mask = torch.randn(1, 5, 64, generator=generator), torch.ones(1, 5, dtype=torch.bool)

    def run() -> tuple[torch.Tensor, ...]:
        with backbone.inject(transformer, residual, delta, 0.5):
            v = backbone.velocity(transformer, latents, [], torch.tensor([0.5]), embeds, mask)
        return torch.autograd.grad(v.square().sum(), lora, allow_unused=True)

    expected = run()
    checkpoint_blocks(transformer)
    for gradient, wanted in zip(run(), expected, strict=True):
        assert (gradient is None) == (wanted is None)
        if wanted is not None:
            torch.testing.assert_close(gradient, wanted)
    assert sum(gradient is not None and bool(gradient.any()) for gradient in expected) > len(lora) / 2


def test_the_look_ahead_changes_nothing(stages):
    stage = stages["stage2"]
    stage.trained.register_buffer("seen", torch.zeros(()))

    def count(*_: object) -> None:
        stage.trained.seen += torch.rand(())

    handle = stage.model.depth_head.register_forward_pre_hook(count)
    before = {key: value.clone() for key, value in stage.trained.state_dict().items()}
    random = torch.get_rng_state()
    measure(stage, draw(stage), 4)
    handle.remove()
    assert all(torch.equal(before[key], value) for key, value in stage.trained.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    del stage.trained.seen


def test_operations_of_forward_and_backward_pass_are_those_that_torch_counts():
    frozen, trained = nn.Linear(8, 8).requires_grad_(False), nn.Linear(8, 8)
    convolution = nn.Conv1d(8, 8, 3, padding=1)
    x = torch.randn(2, 5, 8)

    def run() -> torch.Tensor:
        # The first linear's input needs no gradient, the frozen one's weight neither.
        y = frozen(trained(x))
        y = (y @ y.transpose(1, 2)).softmax(-1) @ y
        return convolution(y.transpose(1, 2)).sum()

    with ForwardPass([]) as passed:
        run()
    with FlopCounterMode(display=False) as counter:
        run().backward()
    assert passed.flops == counter.get_total_flops()
    with torch.no_grad(), ForwardPass([]) as forward:
        run()
    linear, attention, convolved = 2 * 10 * 8 * 8, 2 * 2 * 5 * 5 * 8, 2 * 2 * 5 * 8 * 8 * 3
    assert forward.flops == 2 * linear + 2 * attention + convolved
    q = torch.randn(2, 3, 7, 16)
    with ForwardPass([]) as fused:
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
    assert fused.flops == 2 * 2 * 2 * 3 * 7 * 7 * 16


def test_what_a_pass_keeps_is_what_its_graph_needs():
    network = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4))
    x = torch.randn(5, 8)
    with ForwardPass(network.parameters()) as passed:
        output = network(x)
        activations, copies = passed.kept()
    assert (activations, copies) == (4 * (5 * 16 + 5 * 16 + 5 * 4), 0) and output.shape == (5, 4)
    with torch.autocast("cpu", torch.bfloat16), ForwardPass(network.parameters()) as passed:
        output = network(x)
        # Matrices in bf16, of which the first layer's has no use in the backward pass but is in autocast's cache.
        assert passed.kept()[1] == 2 * sum(p.numel() for p in network.parameters())


@pytest.mark.slow
def test_memory_is_said_as_it_will_be(stages, runs):
    stage = stages["stage2"]
    optimizers = Optimizers(*stage.parameter_groups(), stage.options)
    average = Average(dict(stage.trained.named_parameters()), 0.9)
    cost = SampleCost(activations=3 * 2**20, copies=0, flops=1.0, tokens=1.0)
    counts, memory = memory_lines(stage, optimizers, average.shadow, cost, samples=4)
    said = {name: float(size) for name, size in re.findall(r"([a-z0-9 ]+?) ([\d.]+)(?=,|;|$)", memory.split("MiB:")[1])}
    gradients(stage)
    optimizers.step(0)
    names = {p: name for name, p in stage.trained.named_parameters()}
    state = sum(x.nbytes for key, x in optimizers.tensors(names).items() if not key.endswith("/step"))
    # The LoRA on the last block's text has no gradient: nothing reads the text after it.
    state += sum(2 * p.nbytes for p in stage.trained.parameters() if p.requires_grad and p.grad is None)
    assert said[" optimisers"] == pytest.approx(state / 2**20, abs=0.01)
    assert said[" activations of 4 samples"] == 12
    trained = [p for p in stage.trained.parameters() if p.requires_grad]
    assert said[" trained"] == said[" gradients"] == pytest.approx(sum(p.nbytes for p in trained) / 2**20, abs=0.01)
    assert f"{sum(p.numel() for p in trained) / 1e6:.2f} M parameters are trained" in counts
    vae = sum(p.nbytes for p in stage.vae.parameters())
    assert said[" frozen"] == pytest.approx((vae + sum(p.nbytes for p in frozen(stage))) / 2**20, abs=0.01)


def test_frozen_networks_may_be_held_in_bf16(start, tmp_path):
    run = copy_run(start, tmp_path / "run")
    made = config(run, precision="bf16", frozen_precision="bf16")
    stage = REGISTRY["stage2"].load()(made, run, CPU)
    stage.trained.train()
    exact = stage.loss(draw(stage))[0].item()
    place_networks(stage, made)
    assert {p.dtype for p in frozen(stage)} == {torch.bfloat16}
    assert {p.dtype for p in stage.trained.parameters()} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        loss = stage.loss(draw(stage))[0]
    loss.backward()
    assert loss.item() == pytest.approx(exact, rel=0.05)
    assert all(p.grad.isfinite().all() for p in stage.trained.parameters() if p.grad is not None)


def test_computed_memory_is_near_what_a_pass_keeps():
    """The table of docs/training.md is made with cost/training.py; here it meets a real pass under autocast."""
    sizes = {"num_layers": 12, "attention_head_dim": 32, "num_attention_heads": 4, "axes_dims_rope": (8, 12, 12)}
    network = replace(SMALL.transformer, config=SMALL.transformer.config | sizes)
    backbone, request = replace(SMALL, images=0, transformer=network), Request((256, 256), 30)
    transformer = network.build("meta", torch.bfloat16)
    add_lora(transformer, backbone, torch.bfloat16)
    computed = transformer_activations(transformer, backbone, request)

    transformer, text = network.build("cpu", torch.bfloat16), backbone.text_tokens(30)
    qwen_image.BACKBONE.add_lora(transformer, backbone.spatial.lora_rank)
    delta = qwen_image.BACKBONE.projection_delta(transformer).float()
    latents, residual = torch.zeros(1, 16, 32, 32), torch.zeros(1, 16, 32, 32, requires_grad=True)
    embeds, mask = torch.zeros(1, text, 64), torch.ones(1, text, dtype=torch.bool)

    def kept() -> int:
        injection = qwen_image.BACKBONE.inject(transformer, residual, delta)
        with torch.autocast("cpu", torch.bfloat16), ForwardPass(transformer.parameters()) as passed, injection:
            output = qwen_image.velocity(transformer, latents, [], torch.tensor([0.5]), embeds, mask)
            assert output.requires_grad
            return passed.kept()[0]

    everything = kept()
    checkpoint_blocks(transformer)
    # While one block is computed again, it keeps its share of everything.
    assert computed == pytest.approx(kept() + everything / 12, rel=0.1)


# Speed ----------------------------------------------------------------------------------------------------------------


def test_speed_is_of_the_steps_alone(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    cost = SampleCost(activations=1, copies=0, flops=3e12, tokens=500.0)
    speed = Speed(cost, batch=16, processes=2, peak=100e12)
    now[0] += 4
    assert speed.measure(steps=2) == pytest.approx(
        {"samples_per_second": 8.0, "tokens_per_second": 4000.0, "mfu": 8 * 3 / 200}
    )
    now[0] += 1000  # validation
    speed.start()
    now[0] += 2
    assert speed.measure(steps=1)["samples_per_second"] == pytest.approx(8)
    plain = Speed(replace(cost, tokens=0.0), 16, 2, None)
    now[0] += 1
    assert plain.measure(1).keys() == {"samples_per_second"}


def test_peaks_go_by_the_whole_name_of_a_card(tmp_path):
    for card, peak in [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100 NVL", 835),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40", 181),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("NVIDIA GeForce RTX 4090", 165.2),
    ]:
        assert known_peak(card) == pytest.approx(peak * 1e12)
    for card in ("NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA RTX A4000", "Tesla T4"):
        assert known_peak(card) is None
    assert peak_flops(config(tmp_path), CPU) is None
    assert peak_flops(config(tmp_path, peak_tflops="50"), CPU) == 50e12


@pytest.mark.slow
@needs_gloo
def test_speed_is_logged(runs):
    for stage in STAGES:
        assert all(value > 0 for value in logged(runs / "two" / stage, "speed/samples_per_second"))
        # The spatial transformer's 17 positions at the least.
        samples, tokens = (
            logged(runs / "two" / stage, f"speed/{name}_per_second")[0] for name in ("samples", "tokens")
        )
        assert tokens / samples > 16.99
        with pytest.raises(KeyError):
            logged(runs / "two" / stage, "speed/mfu")


@pytest.mark.parametrize("file, machines, processes", [("1-gpu", 1, 1), ("8-gpus", 1, 8), ("16x8-gpus", 16, 128)])
def test_accelerate_reads_the_configurations(file, machines, processes):
    path = DOCS / "accelerate" / f"{file}.yaml"
    read = load_config_from_file(str(path))
    assert (read.num_machines, read.num_processes, read.use_cpu) == (machines, processes, False)
    assert read.distributed_type == ("NO" if processes == 1 else "MULTI_GPU")
    assert f"docs/accelerate/{file}.yaml" in (DOCS / "training.md").read_text(encoding="utf-8")


# As a script ----------------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> None:
    for argument in arguments:
        train(load_config("smoke", SETTINGS | json.loads(argument)))


def train(made) -> None:
    accelerator = make_accelerator(made)
    for name in STAGES:
        train_stage(watched(REGISTRY[name].load(), accelerator.process_index), made, accelerator)


def watched(stage_class: type, rank: int) -> type:
    """The stage, which writes down what its process holds of frozen networks, and may die at a step."""

    class Watched(stage_class):
        calls = -1  # the pass before training

        def loss(self, batch):
            if self.calls < 0:
                held = {
                    "whole": sum(p.numel() * p.element_size() for p in frozen(self)),
                    "here": sum(local(p).nbytes for p in frozen(self)),
                }
                with atomic_file(Path(self.run) / f"{self.name}-{rank}.json") as temporary:
                    temporary.write_text(json.dumps(held))
            if f"{rank} {self.name} {self.calls}" == os.environ.get("KILL"):
                print(f"killed at {time.time()}", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            type(self).calls += 1
            return super().loss(batch)

        def parameter_groups(self):
            # Muon makes directions in which the gradient is nothing but rounding as long as all others: one and two
            # processes then differ by its rate. test_train_engine.py compares them with Muon.
            return [], [*super().parameter_groups()[0], *super().parameter_groups()[1]]

        def tiles(self, example, seed):
            # One row: sampling a dozen takes longer than the steps.
            return [] if seed else super().tiles(example, seed)

    return Watched


def frozen(stage) -> list[torch.nn.Parameter]:
    return [p for network in stage.frozen() for p in network.parameters() if not p.requires_grad]


if __name__ == "__main__":
    run_command(main)
