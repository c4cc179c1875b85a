"""The stage `language`: the tiny multimodal LLM learns to read captions, images and instructions of rendered scenes.

Every sample is a chat in the template that the prompt encoder uses, so that its states are at home there; the answer
is scene text: what a caption says, in relations that the solver can turn into metres, or what an image shows, in
numbers.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen2VLImageProcessorPil,
)

from ..data.rendered import VALIDATION_SEED, RenderedScenes
from ..errors import InputError
from ..files import atomic_file, atomic_folder
from ..model.context import CHAT_SUFFIX, PromptEncoder, chat, grid, patchify
from ..model_folder import forget_origin
from ..needed import needed
from ..scenes.answers import numbers_answer, relations_answer
from ..scenes.captions import caption, plain_caption
from ..scenes.descriptions import full_caption
from ..scenes.edits import instruction, sample_edit
from ..scenes.language import read_scene_text
from ..scenes.program import SceneProgram, program_statements
from ..scenes.sample import sample_scene
from ..scenes.scene import Scene
from ..scenes.statements import propose
from ..train.config import MixConfig, TrainConfig
from ..train.data_stage import data_folders
from ..train.samples import draw_caption
from ..train.stage import Stage
from .tokenizer import train_tokenizer, vision_token_ids

TASKS = ("read", "names", "layout", "edit")
TASK_WEIGHTS = (0.6, 0.12, 0.1, 0.18)
NAMES_PROMPT = "name the objects"
LAYOUT_PROMPT = "list the objects"
# Share of captions that are answered by a whole scene in numbers. Such an answer stands behind the prompt when depth is
# drawn from a solved scene. From a caption alone it is mostly a guess.
GUESS_FRACTION = 0.15
# Share of dialogues about a caption whose answer does not see the caption, only the last few tokens of the chat. The
# keys and values of these tokens must then hold which word belongs to which. Without this a small model puts the words
# together only while it answers, and a reader of the caption's keys and values does not find what it needs.
SUMMARY_FRACTION = 0.6
EMPTY_FRACTION = 0.03  # share of empty prompts among those without an image, for the unconditional context
SENTENCE_FRACTION = 0.3  # share of prompts that are written with a capital and a full stop
# Weights of tokens in the loss, where an answer's words and signs weigh 1. Most numbers of a guessed scene cannot be
# known; at full weight their noise drowns the little that says which colour belongs to which object, and where.
GUESS_WEIGHT = 0.2
PROMPT_WEIGHT = 0.1  # weight of all tokens of the prompt itself
TOKENIZER_SCENES = 3000
MROPE = (8, 12, 12)  # of 32 frequencies, a quarter for time and the rest for rows and columns, as in Qwen2.5-VL
HEAD_DIM = 64
LONGEST_ANSWER = 160
GROUP = 16  # chats that are padded to a common length


@dataclass(frozen=True)
class Dialogue:
    """One training sample: what is asked, about which image (an index, or None), and the answer.

    With `summary` the answer does not see the prompt, only the end of the chat. `guess`: its numbers are not known.
    """

    task: str
    prompt: str
    image: int | None
    answer: str
    summary: bool = False
    guess: bool = False


class LanguageStage(Stage):
    """Next-token prediction of scene text on four tasks: from a caption what it says (`read`), from an image which
    object is where (`names`) or the scene in numbers (`layout`), and that after an edit from an image with an
    instruction (`edit`)."""

    name: ClassVar[str] = "language"
    network: ClassVar[str] = "language"
    trained: Qwen2_5_VLModel  # the text encoder without its head, which is the embedding's own matrix

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        train, validation = data_folders(config, run)
        self.data, self.validation_data = RenderedScenes(train), RenderedScenes(validation)
        self.tokenizer = self._tokenizer(run)
        vocabulary = self.tokenizer.convert_ids_to_tokens(list(range(len(self.tokenizer))))
        self.numeric = torch.tensor([re.fullmatch(r"[\d.]+", token) is not None for token in vocabulary])
        self.processor = build_image_processor(config)
        self.text_encoder = self._text_encoder(run)
        nn.Module.to(self.text_encoder, device)
        if device.type == "cpu":
            # torch's fused attention is slower than plain products for so few and short heads.
            self.text_encoder.set_attn_implementation("eager")
        self.encoder = PromptEncoder(self.text_encoder, self.tokenizer, self.processor, config.model.language.layers)
        self.trained = self.text_encoder.model
        self.trained.requires_grad_(True)

    def _text_encoder(self, run: Path) -> Qwen2_5_VLForConditionalGeneration:
        """The text encoder of run/model, or a new one with the sizes of the configuration."""
        folder = run / "model" / "text_encoder"
        if folder.is_dir():
            return Qwen2_5_VLForConditionalGeneration.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
        return build_text_encoder(self.config, self.tokenizer)

    def _tokenizer(self, run: Path) -> PreTrainedTokenizerBase:
        """The tokenizer that an earlier checkpoint of this run exported, or a new one, the same on every rank."""
        folder = run / "model" / "tokenizer"
        if folder.is_dir():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True)
        texts = tokenizer_texts(TOKENIZER_SCENES, self.config.seed)
        return train_tokenizer(texts, self.config.model.language.vocabulary)

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: list[int], generators: list[torch.Generator]) -> dict[str, Any]:
        dialogues = [self.sample(i, generator) for i, generator in zip(indices, generators, strict=True)]
        return self.collate(dialogues, self.data)

    def sample(self, index: int, generator: torch.Generator) -> Dialogue:
        """Draw a task. Those without an image are about fresh scenes, the others about rendered ones."""
        task = TASKS[int(torch.multinomial(torch.tensor(TASK_WEIGHTS), 1, generator=generator))]
        if task == "read":
            scene = sample_scene(int(torch.randint(VALIDATION_SEED, (), generator=generator)))
            summary = torch.rand((), generator=generator) < SUMMARY_FRACTION
            return replace(read_dialogue(scene, self.config.data.mix, generator), summary=bool(summary))
        if task == "edit":
            if self.data.edits:
                return edit_dialogue(self.data, index % len(self.data.edits), generator)
            task = "layout"
        return image_dialogue(self.data, index, task)

    def collate(self, dialogues: Sequence[Dialogue], data: RenderedScenes) -> dict[str, Any]:
        """Small groups of chats of like length, right-padded; chats with an image are apart from those without.

        A group has `ids` [B, T], `weights` [B, T less the template's prefix], `tasks` [B], `pixels` uint8 if it has
        images, and `hidden` [B, 2] if there are summaries: the answer does not see the tokens from the first place to
        before the second. Where both places are the same, nothing is hidden.
        """
        groups = []
        for kind in (True, False):
            rows = [(d, *self._tokens(d, data)) for d in dialogues if (d.image is None) == kind]
            rows.sort(key=lambda row: len(row[1]))
            for start in range(0, len(rows), GROUP):
                chats, ids, weights, hidden = zip(*rows[start : start + GROUP])
                group = {
                    "ids": pad_sequence(list(ids), batch_first=True, padding_value=self.tokenizer.pad_token_id),
                    "weights": pad_sequence(list(weights), batch_first=True),
                    "tasks": torch.tensor([TASKS.index(chat.task) for chat in chats]),
                }
                if any(chat.summary for chat in chats):
                    group["hidden"] = torch.tensor(hidden)
                groups.append(group if kind else group | {"pixels": data.images[[chat.image for chat in chats]]})
        return {"groups": groups}

    def _tokens(self, dialogue: Dialogue, data: RenderedScenes) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Token ids of the whole chat, the weights with which those after the template's prefix are predicted, and
        the span that is hidden."""
        grids = [] if dialogue.image is None else [grid(data.images[0], self.processor)]
        prefix = self.encoder.prefix_length(len(grids))
        prompt = self.encoder.token_ids(dialogue.prompt, grids)
        hidden = (prefix, len(prompt) - len(self._encode(CHAT_SUFFIX)) if dialogue.summary else prefix)
        answer = self._encode(dialogue.answer + "<|im_end|>")
        weight = PROMPT_WEIGHT if dialogue.image is None else 0.0
        numbers = GUESS_WEIGHT if dialogue.guess else 1.0
        weights = [torch.full([len(prompt) - prefix], weight), torch.where(self.numeric[answer], numbers, 1.0)]
        return torch.cat([prompt, answer]), torch.cat(weights), hidden

    def _encode(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text, add_special_tokens=False), dtype=torch.long)

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        total, weight = torch.zeros(2, device=self.device)
        errors, counts = (torch.zeros(len(TASKS), device=self.device) for _ in range(2))
        for group in batch["groups"]:
            error, _ = self.predict(group)
            weights = group["weights"]
            total, weight = total + (error * weights).sum(), weight + weights.sum()
            answers = (weights >= GUESS_WEIGHT).float()
            errors.index_add_(0, group["tasks"], (error.detach() * answers).sum(1))
            counts.index_add_(0, group["tasks"], answers.sum(1))
        # 0 / 0 is NaN: no such task in this batch.
        return total / weight, {f"loss_{task}": value for task, value in zip(TASKS, errors / counts)}

    def predict(self, group: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Cross-entropy [B, T] of every token after the template's prefix, and whether it was the most likely one."""
        ids = group["ids"]
        inputs = image_inputs(group["pixels"], ids, self.encoder) if "pixels" in group else {}
        # The template's prefix is the same in all samples: it goes through the network once, and its keys and values
        # are shared. No attention mask: the padding is on the right, where a causal model does not look.
        start = self.encoder.prefix_length(1 if inputs else 0)
        prefix = self.trained(input_ids=ids[:1, :start], use_cache=True)
        cache = prefix.past_key_values
        cache.batch_repeat_interleave(len(ids))
        if inputs:
            places = ids, inputs.pop("mm_token_type_ids"), inputs["image_grid_thw"]
            positions, _ = self.trained.get_rope_index(*places)  # type: ignore[arg-type]  # wants torch's old types
        else:
            positions = torch.arange(ids.shape[1], device=ids.device).expand(3, len(ids), -1)
        following = ids[:, start:]
        mask = self._summary_mask(group["hidden"], ids.shape[1], start) if "hidden" in group else None
        # The cache by its place: transformers 5.24 gave the argument another name.
        output = self.trained(following, mask, positions[..., start:], cache, use_cache=True, **inputs)
        last = prefix.last_hidden_state[:, -1:].expand(len(ids), -1, -1)
        logits = self.text_encoder.lm_head(torch.cat([last, output.last_hidden_state[:, :-1]], dim=1))
        errors = F.cross_entropy(rearrange(logits, "b t v -> (b t) v").float(), following.flatten(), reduction="none")
        return errors.view_as(following), logits.argmax(-1) == following

    def _summary_mask(self, hidden: Tensor, length: int, start: int) -> dict[str, Tensor]:
        """What the tokens from `start` on see: those before them, but for the hidden ones from behind the chat."""
        places = torch.arange(length, device=hidden.device)
        first, last = hidden[:, :1, None], hidden[:, 1:, None]
        behind = places[start:, None] >= last + len(self._encode(CHAT_SUFFIX))
        allowed = (places <= places[start:, None]) & ~(behind & (places >= first) & (places < last))
        mask = torch.zeros(allowed.shape, device=hidden.device).masked_fill(~allowed, torch.finfo(torch.float32).min)
        return {"full_attention": mask[:, None]}

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        metrics = self._validate_prediction()
        rows, mix = [], self.config.data.mix
        for split, suffix in (("train", ""), ("test", "_new_pairs")):
            scenes = [sample_scene(VALIDATION_SEED + i, split) for i in range(32)]
            chats = [read_dialogue(scene, mix, torch.Generator().manual_seed(i)) for i, scene in enumerate(scenes)]
            chats = [chat for chat in chats if not chat.guess]
            answers = self.answer([chat.prompt for chat in chats], [None] * len(chats))
            figures = reading_figures([chat.answer for chat in chats], answers)
            metrics |= {f"{name}{suffix}": value for name, value in figures.items()}
            rows += [(chat.prompt, answer, chat.answer) for chat, answer in zip(chats[:5], answers)]
        data = self.validation_data
        chats = [edit_dialogue(data, i, torch.Generator().manual_seed(i)) for i in range(min(3, len(data.edits)))]
        chats += [image_dialogue(data, i, "names") for i in range(min(2, len(data)))]
        answers = self.answer([chat.prompt for chat in chats], [data.images[chat.image] for chat in chats])
        rows += [(chat.prompt, answer, chat.answer) for chat, answer in zip(chats, answers)]
        with atomic_file(folder / f"sheet-{step}.png") as temporary:
            text_sheet(rows).save(temporary)
        return metrics

    def _validate_prediction(self) -> dict[str, float]:
        """Per task, how often the answer's next token is the most likely one, and the perplexity."""
        data = self.validation_data
        dialogues = []
        for i in range(len(data)):
            generator = torch.Generator().manual_seed(i)
            scene = sample_scene(VALIDATION_SEED + i)
            dialogues.append(read_dialogue(scene, self.config.data.mix, generator))
            dialogues += [image_dialogue(data, i, task) for task in ("names", "layout")]
        dialogues += [edit_dialogue(data, i, torch.Generator().manual_seed(i)) for i in range(len(data.edits))]
        summaries = [replace(d, summary=True) for d in dialogues if d.task == "read"]
        errors, hits = defaultdict(list), defaultdict(list)
        for suffix, asked in (("", dialogues), ("_summary", summaries)):
            for group in self.collate(asked, data)["groups"]:
                group = {key: value.to(self.device) for key, value in group.items()}
                error, hit = self.predict(group)
                for i, task in enumerate(group["tasks"].tolist()):
                    answer = group["weights"][i] >= GUESS_WEIGHT
                    errors[TASKS[task] + suffix].append(error[i][answer])
                    hits[TASKS[task] + suffix].append(hit[i][answer].float())
        metrics = {f"accuracy_{task}": torch.cat(values).mean().item() for task, values in hits.items()}
        return metrics | {f"perplexity_{task}": torch.cat(v).mean().exp().item() for task, v in errors.items()}

    @torch.no_grad()
    def answer(self, prompts: Sequence[str], images: Sequence[Tensor | None]) -> list[str]:
        """Greedy answers; an image is uint8 [3, H, W]."""
        if not prompts:
            return []
        grids = [[] if p is None else [grid(p, self.processor)] for p in images]
        tokens = [self.encoder.token_ids(prompt, sizes) for prompt, sizes in zip(prompts, grids)]
        ids = pad_sequence(tokens, batch_first=True, padding_value=self.tokenizer.pad_token_id).to(self.device)
        lengths = torch.tensor([len(t) for t in tokens], device=self.device)
        mask = torch.arange(ids.shape[1], device=self.device) < lengths[:, None]
        given = [p for p in images if p is not None]
        inputs = image_inputs(torch.stack(given).to(self.device), ids, self.encoder) if given else {}
        output = self.trained(input_ids=ids, attention_mask=mask.long(), use_cache=True, **inputs)
        hidden = output.last_hidden_state[torch.arange(len(ids)), lengths - 1]
        cache = output.past_key_values
        position = torch.tensor([self.encoder.next_position(t, g) for t, g in zip(tokens, grids)], device=self.device)
        written: list[Tensor] = []
        done = torch.zeros(len(ids), dtype=torch.bool, device=self.device)
        while len(written) < LONGEST_ANSWER:
            following = self.text_encoder.lm_head(hidden).argmax(-1)
            done |= following == self.tokenizer.eos_token_id
            written.append(following.where(~done, self.tokenizer.eos_token_id))
            if done.all():
                break
            mask = F.pad(mask, (0, 1), value=True)
            positions = (position + len(written) - 1).expand(3, -1)[..., None]
            output = self.trained(following[:, None], mask.long(), positions, cache, use_cache=True)
            hidden = output.last_hidden_state[:, -1]
        return self.tokenizer.batch_decode(torch.stack(written, dim=1), skip_special_tokens=True)

    def export(self, model_folder: Path) -> None:
        with atomic_folder(model_folder / "text_encoder") as temporary:
            self.text_encoder.save_pretrained(temporary)
        with atomic_folder(model_folder / "tokenizer") as temporary:
            self.tokenizer.save_pretrained(temporary)
            forget_origin(temporary)
        with atomic_folder(model_folder / "image_processor") as temporary:
            self.processor.save_pretrained(temporary)


# Networks ------------------------------------------------------------------------------------------------------------


def build_text_encoder(config: TrainConfig, tokenizer: PreTrainedTokenizerBase) -> Qwen2_5_VLForConditionalGeneration:
    """A freshly initialised Qwen2.5-VL with the sizes of `config.model.language` and the tokenizer's special ids."""
    sizes = config.model.language
    token = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": sizes.vocabulary,
        "hidden_size": sizes.hidden_size,
        "intermediate_size": sizes.mlp_size,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "max_position_embeddings": 4096,
        "max_window_layers": sizes.layers,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": sizes.rope_theta, "mrope_section": list(MROPE)},
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "pad_token_id": token("<|endoftext|>"),
        "dtype": "float32",
    }
    vision = {
        "depth": sizes.vision_depth,
        "hidden_size": sizes.vision_hidden_size,
        "intermediate_size": 2 * sizes.vision_hidden_size,
        "num_heads": sizes.vision_hidden_size // HEAD_DIM,
        "patch_size": sizes.vision_patch,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        # One window holds a whole 128 px image; larger ones mix windows in every other block.
        "window_size": 128,
        "fullatt_block_indexes": list(range(1, sizes.vision_depth, 2)),
        "out_hidden_size": sizes.hidden_size,
        "dtype": "float32",
    }
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig.from_dict(
            {
                "text_config": text,
                "vision_config": vision,
                "tie_word_embeddings": True,
                **vision_token_ids(tokenizer),
            }
        )
    )


def build_image_processor(config: TrainConfig) -> Qwen2VLImageProcessorPil:
    """An image processor that shows images at the size of the training images."""
    width, height = config.data.size
    patch = config.model.language.vision_patch
    return Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": (2 * patch) ** 2, "longest_edge": width * height},
    )


def image_inputs(pixels: Tensor, ids: Tensor, encoder: PromptEncoder) -> dict[str, Tensor]:
    """What the model takes for images uint8 [N, 3, H, W] that stand in the chats `ids`, in order."""
    processor = needed(encoder.image_processor)
    return {
        "pixel_values": patchify(pixels.float() / 255, processor),
        "image_grid_thw": torch.tensor([(1, *grid(pixels, processor))] * len(pixels), device=ids.device),
        "mm_token_type_ids": (ids == encoder.image_token_id).int(),
    }


# Dialogues -----------------------------------------------------------------------------------------------------------


def read_dialogue(scene: Scene, mix: MixConfig, generator: torch.Generator) -> Dialogue:
    """Caption -> what it says, in relations; or now and then a whole scene in numbers."""
    empty = torch.rand((), generator=generator) < EMPTY_FRACTION
    said = draw_caption(scene, mix, generator)
    text = "" if empty else _sentence(said.text, generator)
    if empty or torch.rand((), generator=generator) < GUESS_FRACTION:
        return Dialogue("read", text, None, numbers_answer(scene), guess=True)
    return Dialogue("read", text, None, relations_answer(scene, said.statements, said.text))


def image_dialogue(data: RenderedScenes, index: int, task: str) -> Dialogue:
    """Image -> which object is where, in relations; or the scene in numbers."""
    scene = data.scenes[index]
    if task == "layout":
        return Dialogue(task, LAYOUT_PROMPT, index, numbers_answer(scene))
    seen = [s for s in propose(scene) if s.domain == "object_pose" or s.relation in ("left", "closer")]
    return Dialogue(task, NAMES_PROMPT, index, relations_answer(scene, seen))


def edit_dialogue(data: RenderedScenes, index: int, generator: torch.Generator) -> Dialogue:
    """Image and instruction -> layout after the edit."""
    source, target, edit = data.edits[index]
    text = _sentence(instruction(data.scenes[source], edit, generator), generator)
    return Dialogue("edit", text, source, numbers_answer(data.scenes[target]))


def tokenizer_texts(num_scenes: int, seed: int) -> Iterator[str]:
    """What will be read and written about `num_scenes` scenes; and the templates, often enough to be whole words."""
    for i in range(num_scenes):
        generator = torch.Generator().manual_seed(seed + i)
        pair = sample_edit(seed + i)
        yield numbers_answer(pair.source)
        for said in (plain_caption, caption, full_caption):
            words = said(pair.source, generator)
            yield _sentence(words.text, generator)
            yield relations_answer(pair.source, words.statements, words.text)
        yield _sentence(instruction(pair.source, pair.edit, generator), generator)
    for prompt in (NAMES_PROMPT, LAYOUT_PROMPT):
        for images in range(3):
            yield from [chat(prompt, images)] * (num_scenes // 10)


def _sentence(text: str, generator: torch.Generator) -> str:
    return text[:1].upper() + text[1:] + "." if torch.rand((), generator=generator) < SENTENCE_FRACTION else text


# Judging answers -----------------------------------------------------------------------------------------------------


def reading_figures(wanted: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """Share of answers that are valid scene text, that have the right objects, and that promise just what was said."""
    valid, objects, relations = [], [], []
    for right, answer in zip(wanted, answers):
        program = _program(answer)
        truth = read_scene_text(right)
        valid.append(float(program is not None))
        objects.append(float(program is not None and _objects(program) == _objects(truth)))
        same = program is not None and set(program_statements(program)) == set(program_statements(truth))
        relations.append(float(objects[-1] and same))
    figures = {"valid": valid, "objects": objects, "relations": relations}
    return {name: sum(values) / len(values) for name, values in figures.items() if values}


def _program(text: str) -> SceneProgram | None:
    try:
        return read_scene_text(text)
    except InputError:
        return None


def _objects(program: SceneProgram) -> list[tuple[str, str]]:
    return [(thing.color, thing.noun) for thing in program.things]


def text_sheet(rows: Sequence[tuple[str, str, str]]) -> Image.Image:
    """An image of prompts, answers and true answers."""
    lines = []
    for row in rows:
        for color, text in zip(("black", "blue", "gray"), row):
            lines += [(color, line) for line in textwrap.wrap(text, 150) or [""]]
        lines.append(("black", ""))
    font = ImageFont.load_default()
    sheet = Image.new("RGB", (940, 14 * len(lines) + 10), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (color, line) in enumerate(lines):
        draw.text((8, 6 + 14 * i), line, fill=color, font=font)
    return sheet
