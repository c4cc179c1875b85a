"""The training loop. Everything random is a function of (seed, stage, step, sample), so nothing random is ever saved:
a run that was killed goes on as if it had not been, and the number of ranks does not matter.

Accelerate gives the launch, DDP and mixed precision, and nothing else. Frozen networks may be sharded: see shard.py.
"""

from __future__ import annotations

import hashlib
import math
import signal
import tempfile
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils import gather_object, send_to_device
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ..errors import InputError
from ..files import remove_leftovers
from ..images import read_image
from ..needed import needed
from ..progress import progress_bar
from ..versions import versions
from . import checkpoint as checkpoints
from .checkpoint import Checkpoint
from .config import DTYPES, StageConfig, TrainConfig, flat_keys, save_config, to_plain
from .optim import Average, Optimizers, learning_rate_factor
from .probe import measure, memory_lines
from .shard import shard_frozen
from .speed import Speed, peak_flops
from .stage import Stage

STEP_TIMEOUT = timedelta(minutes=20)  # for one step's communication: the slowest process may still be compiling
WAIT_TIMEOUT = timedelta(hours=6)


def make_accelerator(config: TrainConfig) -> Accelerator:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device = cuda, but this torch sees no CUDA device: use device=cpu or device=auto.")
    if config.device == "mps" and not torch.backends.mps.is_available():
        raise InputError("device = mps, but this torch sees no MPS device: use device=cpu or device=auto.")
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = PatientAccelerator(
        cpu=config.device == "cpu",
        mixed_precision="bf16" if config.precision == "bf16" else "no",
        kwargs_handlers=[
            # Per-sample dropout of depth or caption may leave a rank's whole batch without use for some parameters.
            DistributedDataParallelKwargs(find_unused_parameters=True, gradient_as_bucket_view=True),
            InitProcessGroupKwargs(timeout=STEP_TIMEOUT),
        ],
    )
    if accelerator.num_processes % config.shard:
        raise InputError(
            f"shard = {config.shard} does not divide the number of processes = {accelerator.num_processes}: "
            "give shard the number of cards of a machine, and start as many processes with accelerate launch."
        )
    return accelerator


class PatientAccelerator(Accelerator):
    """Waits for hours where one process works alone (data, validation, checkpoints), but not within a step: there the
    others wait for a process that is gone."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        several = self.num_processes > 1
        self.patient = torch.distributed.new_group(backend="gloo", timeout=WAIT_TIMEOUT) if several else None

    def wait_for_everyone(self) -> None:
        if self.patient is not None:
            torch.distributed.barrier(self.patient)


def train_stage(stage_class: type[Stage], config: TrainConfig, accelerator: Accelerator, resume: str = "") -> None:
    """Train one stage to its last step, going on from its newest checkpoint; a finished stage is skipped.

    `resume` is the command that the user is told when the run is interrupted.
    """
    name, run = stage_class.name, config.folder
    say = accelerator.print
    folder = run / name / "checkpoints"
    if accelerator.is_main_process:
        checkpoints.remove_leftovers(folder)
        for place in (run / name, run / name / "validation", run / "model"):
            remove_leftovers(place)
    start, complaints = checkpoints.newest_checkpoint(folder)
    for complaint in complaints:
        say(f"{name}: {complaint}")
    if start is not None:
        finished = start.step >= getattr(config, name).steps and start.exported
        for change in config_changes(start, config, stage_class, finished):
            say(f"{name}: since the checkpoint, {change}")
        if finished:
            say(f"{name}: finished at step {start.step}, skipped (raise {name}.steps to train it further)")
            return
    torch.manual_seed(stable_hash(config.seed, name, "initial weights"))
    stage = stage_class(config, run, accelerator.device)
    place_networks(stage, config)
    if accelerator.is_main_process:
        save_config(config, run / name / "config.yaml")
    try:
        Run(stage, config, accelerator, start, resume).train()
    except RuntimeError as error:
        if accelerator.num_processes == 1 or not _is_broken_off(error):
            raise
        raise InputError(
            f"{name}: another process of this run is gone, and what it said last says why; the same command goes on "
            "from the last checkpoint."
        ) from error
    accelerator.free_memory()


def place_networks(stage: Stage, config: TrainConfig) -> None:
    """Frozen networks in their precision and, if they are to be, in shards; what is trained in fp32 on the device."""
    if config.frozen_precision == "bf16":
        for network in stage.frozen():
            for parameter in network.parameters():
                if not parameter.requires_grad:
                    parameter.data = parameter.data.to(torch.bfloat16)
    if config.shard > 1:
        shard_frozen(stage.frozen(), config.shard, stage.device)
    stage.trained.to(stage.device, torch.float32)


class Run:
    """One stage being trained: networks, optimisers, average, position."""

    def __init__(
        self, stage: Stage, config: TrainConfig, accelerator: Accelerator, start: Checkpoint | None, resume: str
    ):
        self.stage, self.config, self.accelerator, self.resume = stage, config, accelerator, resume
        self.name = stage.name
        self.stage_config: StageConfig = getattr(config, self.name)
        self.models = config.folder / "model"
        self.folder = config.folder / self.name
        self.writer: SummaryWriter | None = None
        self.parameters = {n: p for n, p in stage.trained.named_parameters() if p.requires_grad}
        self.names: dict[Tensor, str] = {p: n for n, p in self.parameters.items()}
        groups = _checked_groups(stage, self.parameters)
        self.optimizers = Optimizers(*groups, self.stage_config, config.weight_decay, DTYPES[config.precision])
        self.step = 0
        if start is not None:
            checkpoints.load_module_tensors(stage.trained, start.trained, str(self.folder / "checkpoints"))
        self.average = Average(self.parameters, self.stage_config.ema)
        if start is not None:
            self._resume(start)
        parts = self.stage_config.accumulate * accelerator.num_processes
        if self.stage_config.batch % parts:
            raise InputError(
                f"{self.name}.batch = {self.stage_config.batch} must be a multiple of "
                f"{self.name}.accumulate times the number of processes = {parts}."
            )
        if config.checkpointing:
            stage.recompute()
        stage.trained.train()
        self.speed = self._look_ahead()
        if config.compile:
            stage.compile()
        accelerator.wait_for_everyone()
        self.network = accelerator.prepare_model(StageLoss(stage))
        self.window: dict[str, list[Tensor]] = defaultdict(list)

    def _look_ahead(self) -> Speed:
        """Say what memory training takes; find out what a sample costs, by which its speed is judged."""
        config = self.stage_config
        samples = config.batch // (config.accumulate * self.accelerator.num_processes)
        few = min(samples, 4)
        batch = send_to_device(Batches(self).load(self.step, 0, few), self.accelerator.device)
        with self.accelerator.autocast():
            cost = measure(self.stage, batch, few)
        for line in memory_lines(self.stage, self.optimizers, self.average.shadow, cost, samples):
            self.accelerator.print(line)
        peak = peak_flops(self.config, self.accelerator.device)
        return Speed(cost, config.batch, self.accelerator.num_processes, peak)

    def train(self) -> None:
        steps, every = self.stage_config.steps, self.config
        main = self.accelerator.is_main_process
        if self.step >= steps:
            # The run was killed between the last checkpoint and what it exports of it.
            self._export()
            return
        with ExitStack() as stack:
            stop = stack.enter_context(StopSignal())
            batches = stack.enter_context(Batches(self))
            if main:
                # Events of steps that a killed run had made after its last checkpoint are hidden.
                self.writer = stack.enter_context(SummaryWriter(str(self.folder / "logs"), purge_step=self.step + 1))
            self.bar = stack.enter_context(
                progress_bar(total=steps, initial=self.step, what=self.name, unit="step", disable=not main)
            )
            self.speed.start()
            while self.step < steps:
                self._step(batches)
                self.bar.update()
                last, stopped = self.step == steps, self._any_rank(stop.received)
                checkpoint = last or stopped or _due(self.step, every.checkpoint_every)
                validate = last or _due(self.step, every.validate_every)
                if checkpoint or validate or self.step % every.log_every == 0:
                    self._log()
                if validate and not stopped:
                    self._validate()
                if checkpoint:
                    self._save()
                if validate or checkpoint:
                    self.speed.start()
                if stopped and not last:
                    self.bar.close()
                    self.accelerator.print(
                        f"{self.name}: stopped at step {self.step} with a checkpoint; to go on: {self.resume}"
                    )
                    raise SystemExit(128 + (stop.received or signal.SIGTERM))

    def _step(self, batches: Batches) -> None:
        """One optimiser step over the global batch, in `accumulate` parts."""
        accumulate = self.stage_config.accumulate
        # For dropout inside the networks; what a stage draws itself comes from its samples' generators.
        torch.manual_seed(stable_hash(self.config.seed, self.name, self.step, self.accelerator.process_index))
        self.optimizers.zero_grad()
        for part in range(accumulate):
            batch = batches.next(self.step, part)
            synchronised = part == accumulate - 1
            with nullcontext() if synchronised else self.accelerator.no_sync(self.network):
                loss, metrics = self.network(batch)
                self.accelerator.backward(loss / accumulate)
            for key, value in {"loss": loss, **metrics}.items():
                self.window[key].append(torch.as_tensor(value).detach().float())
        clip = self.config.clip or math.inf
        norm = nn.utils.clip_grad_norm_(list(self.parameters.values()), clip)
        self.window["gradient_norm"].append(norm.detach())
        self.optimizers.step(self.step)
        self.average.update(self.step)
        self.step += 1

    def _log(self) -> None:
        """Average what was collected since the last time. Also where a loss that is not finite stops the run: looking
        at every step would make a GPU wait, and nothing is saved before this."""
        window, self.window = self.window, defaultdict(list)
        values = {key: torch.stack(list_).cpu() for key, list_ in window.items()}
        if not values:
            return
        speed = self.speed.measure(steps=len(values["gradient_norm"]))
        self._stop_if_not_finite(values)
        sums = {key: (v[v.isfinite()].sum().item(), int(v.isfinite().sum())) for key, v in values.items()}
        if self.accelerator.num_processes > 1:
            sums = _add_up(gather_object([sums]))
        means = {key: total / count for key, (total, count) in sums.items() if count}
        config = self.stage_config
        factor = learning_rate_factor(self.step - 1, config.steps, config.warmup, config.floor)
        self.bar.set_postfix_str(
            f"loss {means['loss']:.4f}, lr x{factor:.2f}, {speed['samples_per_second']:.3g} samples/s", refresh=False
        )
        if self.writer:
            for key, value in means.items():
                self.writer.add_scalar(key if "/" in key else f"train/{key}", value, self.step)
            for part in self.optimizers.parts:
                rate = config.muon_lr if part == "muon" else config.adamw_lr
                self.writer.add_scalar(f"learning_rate/{part}", rate * factor, self.step)
            for key, value in speed.items():
                self.writer.add_scalar(f"speed/{key}", value, self.step)

    def _stop_if_not_finite(self, values: dict[str, Tensor]) -> None:
        norms, losses = values["gradient_norm"], values["loss"].view(len(values["gradient_norm"]), -1)
        bad = ~(norms.isfinite() & losses.isfinite().all(dim=1))
        if not bad.any():
            return
        step = self.step - len(norms) + int(bad.nonzero()[0])
        paths = checkpoints.checkpoint_paths(self.folder / "checkpoints")
        kept = f"the last good checkpoint is {paths[0]}" if paths else "there is no checkpoint yet"
        self.bar.close()
        raise InputError(
            f"the loss or the gradient of {self.name} is not finite at step {step}; {kept}: "
            f"try a lower {self.name}.muon_lr and {self.name}.adamw_lr, or precision=fp32."
        )

    def _validate(self) -> None:
        folder = self.folder / "validation"
        folder.mkdir(parents=True, exist_ok=True)
        if self.accelerator.is_main_process:
            metrics, writer = self._validation_metrics(folder), needed(self.writer)
            for key, value in metrics.items():
                writer.add_scalar(key if "/" in key else f"validation/{key}", value, self.step)
            sheet = folder / f"sheet-{self.step}.png"
            if sheet.exists():
                writer.add_image("sheet", read_image(sheet), self.step)
            if metrics:
                self.bar.write(f"{self.name} {self.step}: " + ", ".join(f"{k} {v:.4g}" for k, v in metrics.items()))
        elif self.config.shard > 1:
            # The first process needs the others' parts of the networks; what they draw is the same, and thrown away.
            with tempfile.TemporaryDirectory(prefix=".", dir=folder) as unused:
                self._validation_metrics(Path(unused))
        self.accelerator.wait_for_everyone()

    def _validation_metrics(self, folder: Path) -> dict[str, float]:
        with self._average_weights(), self.accelerator.autocast():
            return self.stage.validate(folder, self.step)

    def _save(self) -> None:
        """Write the checkpoint, then export: what is exported may take the place of what the stage began with, which it
        needs again until there is a checkpoint."""
        if self.accelerator.is_main_process:
            state = {
                "step": self.step,
                "samples": len(self.stage),
                "config": _stage_config(self.config, self.stage),
                "versions": versions(),
            }
            checkpoints.save_checkpoint(
                self.folder / "checkpoints",
                Checkpoint(
                    trained=checkpoints.module_tensors(self.stage.trained),
                    ema=self.average.shadow,
                    optimizer=self.optimizers.tensors(self.names),
                    state=state,
                ),
            )
            needed(self.writer).flush()
        self._export()

    def _export(self) -> None:
        if self.accelerator.is_main_process:
            with self._average_weights():
                self.stage.export(self.models)
            checkpoints.set_exported(self.folder / "checkpoints", self.step)
        self.accelerator.wait_for_everyone()

    def _average_weights(self) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(torch.no_grad())
        stack.enter_context(self.average.swapped())
        self.stage.trained.eval()
        stack.callback(self.stage.trained.train)
        return stack

    def _resume(self, start: Checkpoint) -> None:
        self.step = start.step
        self.optimizers.load_tensors(start.optimizer, self.names)
        for name, tensor in self.average.shadow.items():
            # A run that had no average so far starts one from its weights.
            if name in start.ema:
                tensor.copy_(start.ema[name])
        samples = len(self.stage)
        if samples != start.state["samples"]:
            self.accelerator.print(
                f"{self.name}: there are {samples} samples now and were {start.state['samples']}: "
                "from here on the order of samples is another one"
            )
        self.accelerator.print(f"{self.name}: going on from step {self.step}")

    def _any_rank(self, received: int) -> bool:
        if self.accelerator.num_processes == 1:
            return bool(received)
        flag = torch.tensor(float(received), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum").item())


class StageLoss(nn.Module):
    """Makes a stage's loss the forward of a module, which is what DDP and autocast wrap."""

    def __init__(self, stage: Stage):
        super().__init__()
        self.trained = stage.trained
        self._loss: Callable = stage.loss

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        return self._loss(batch)


class Batches:
    """This rank's samples. On an accelerator device they are loaded one part ahead, in a thread; on a CPU that thread
    would only take cores from the networks."""

    def __init__(self, run: Run):
        self.run = run
        self.ahead: tuple[tuple[int, int], Future] | None = None
        self.pool = ThreadPoolExecutor(1) if run.accelerator.device.type != "cpu" else None

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown(wait=False, cancel_futures=True)

    def next(self, step: int, part: int) -> dict[str, Any]:
        if self.pool is None:
            batch = self.load(step, part)
        else:
            batch = self.ahead[1].result() if self.ahead and self.ahead[0] == (step, part) else self.load(step, part)
            following = (step, part + 1) if part + 1 < self.run.stage_config.accumulate else (step + 1, 0)
            if following[0] < self.run.stage_config.steps:
                self.ahead = following, self.pool.submit(self.load, *following)
        return send_to_device(batch, self.run.accelerator.device, non_blocking=True)

    def load(self, step: int, part: int, most: int | None = None) -> dict[str, Any]:
        """This rank's samples of a part of a step's batch, or the first `most` of them; on the CPU."""
        run = self.run
        accumulate, ranks = run.stage_config.accumulate, run.accelerator.num_processes
        size = run.stage_config.batch // (accumulate * ranks)
        first = (part * ranks + run.accelerator.process_index) * size
        places = range(first, first + size)[:most]
        seed, name = run.config.seed, run.name
        indices = run.stage.indices(step, places)
        if indices is None:
            start, samples = step * run.stage_config.batch, len(run.stage)
            indices = [sample_index(seed, name, start + place, samples) for place in places]
        with torch.no_grad():
            return run.stage.batch(indices, [sample_generator(seed, name, step, index) for index in indices])


class StopSignal:
    """Notes the first SIGTERM or Ctrl-C, so that the step can be finished; the second one acts as usual."""

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> StopSignal:
        self.previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _note(self, number: int, _frame: object) -> None:
        self.received = number
        for each, handler in self.previous.items():
            signal.signal(each, handler)

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


def stable_hash(*parts: object) -> int:
    """64-bit hash that is the same on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def sample_generator(seed: int, stage: str, step: int, index: object) -> torch.Generator:
    """The CPU generator from which all randomness of one training sample at one step is drawn."""
    return torch.Generator().manual_seed(stable_hash(seed, stage, step, index))


def sample_index(seed: int, stage: str, position: int, samples: int) -> int:
    """Which sample stands at a position of the endless sequence of epochs, each a permutation of its own."""
    epoch, offset = divmod(position, samples)
    return _permutation(stable_hash(seed, stage, "epoch", epoch), samples)[offset]


@lru_cache(maxsize=4)
def _permutation(seed: int, samples: int) -> list[int]:
    return torch.randperm(samples, generator=torch.Generator().manual_seed(seed)).tolist()


def _checked_groups(stage: Stage, parameters: dict[str, nn.Parameter]) -> tuple[list, list]:
    muon, adamw = stage.parameter_groups()
    ids = [id(p) for p in (*muon, *adamw)]
    if sorted(ids) != sorted(map(id, parameters.values())):
        raise AssertionError(f"{type(stage).__name__}.parameter_groups must hold each trained parameter exactly once")
    return muon, adamw


def _stage_config(config: TrainConfig, stage: type[Stage] | Stage) -> dict[str, Any]:
    """What of the configuration a stage's weights come from, as flat keys."""
    sections = ("seed", "base", "data.", f"model.{stage.network or stage.name}.", f"{stage.name}.")
    return {key: to_plain(value) for key, value in flat_keys(config) if key.startswith(sections)}


def config_changes(start: Checkpoint, config: TrainConfig, stage: type[Stage], finished: bool) -> list[str]:
    """Say what changed since the checkpoint; raise InputError for what cannot change."""
    name = stage.name
    saved, now = start.state["config"], _stage_config(config, stage)
    changed = [key for key in now if key in saved and saved[key] != now[key]]
    fixed = ["model.", f"{name}.injection", f"{name}.lora_rank"]
    if not finished:
        fixed += ["seed", "data.size", f"{name}.batch"]
    for key in changed:
        if key.startswith(tuple(fixed)):
            raise InputError(
                f"{key} = {now[key]} differs from {saved[key]}, with which {config.run}/{name} was trained: "
                f"set {key}={saved[key]} or use another run folder."
            )
    return [] if finished else [f"{key} changed from {saved[key]} to {now[key]}" for key in changed]


def _is_broken_off(error: RuntimeError) -> bool:
    """Whether communication broke off, which is how a process notices that another is gone."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error) or "NCCL" in str(error)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _add_up(ranks: list[dict[str, tuple[float, int]]]) -> dict[str, tuple[float, int]]:
    total: dict[str, tuple[float, int]] = {}
    for sums in ranks:
        for key, (value, count) in sums.items():
            before = total.get(key, (0.0, 0))
            total[key] = (before[0] + value, before[1] + count)
    return total
