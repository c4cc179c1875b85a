"""The language stage and its tokenizer: what is asked and answered, the loss, greedy answers, and their judgement."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoTokenizer

from spatialfusion.data.rendered import VALIDATION_SEED, render_folder
from spatialfusion.errors import InputError
from spatialfusion.model.context import CHAT_SUFFIX, PromptEncoder, chat_prefix
from spatialfusion.scenes.answers import numbers_answer
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.program import program_statements
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.statements import score
from spatialfusion.tiny.language import (
    GROUP,
    GUESS_WEIGHT,
    PROMPT_WEIGHT,
    TASKS,
    LanguageStage,
    edit_dialogue,
    image_dialogue,
    image_inputs,
    read_dialogue,
    reading_figures,
    tokenizer_texts,
)
from spatialfusion.tiny.tokenizer import SPECIAL_TOKENS, train_tokenizer
from spatialfusion.train.config import MixConfig, load_config
from spatialfusion.train.data_stage import data_folders

SUFFIX = 5  # tokens of CHAT_SUFFIX
MIX = MixConfig(full_fraction=0.3, egocentric_fraction=0.2)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(tokenizer_texts(60, seed=0), 1024)


@pytest.fixture(scope="module")
def stage(tmp_path_factory, tokenizer):
    run = tmp_path_factory.mktemp("run")
    config = load_config("smoke", {"run": str(run), "data.size": "64,64"})
    for folder, seed in zip(data_folders(config, run), (0, VALIDATION_SEED), strict=True):
        render_folder(folder, 6, (64, 64), 0.5, seed)
    tokenizer.save_pretrained(run / "model" / "tokenizer")
    torch.manual_seed(0)
    return LanguageStage(config, run, torch.device("cpu"))


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed * 1000 + i) for i in range(count)]


def test_tokenizer_has_whole_special_tokens_and_single_digits(tokenizer, tmp_path):
    ids = [tokenizer.encode(token, add_special_tokens=False) for token in SPECIAL_TOKENS]
    assert all(len(i) == 1 for i in ids) and len({i[0] for i in ids}) == len(SPECIAL_TOKENS)
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.pad_token == "<|endoftext|>"
    assert len(tokenizer) <= 1024
    pieces = [tokenizer.decode([i]) for i in tokenizer.encode("hfov 65 size 12.5")]
    assert [p for p in pieces if any(c.isdigit() for c in p)] == ["6", "5", "1", "2", "5"]
    tokenizer.save_pretrained(tmp_path)
    text = "A red car, 3.5 m <|im_end|>"
    assert AutoTokenizer.from_pretrained(tmp_path).encode(text) == tokenizer.encode(text)


def test_tokenizer_training_is_deterministic(tokenizer):
    again = train_tokenizer(tokenizer_texts(60, seed=0), 1024)
    assert again.get_vocab() == tokenizer.get_vocab()
    with pytest.raises(InputError, match="264"):
        train_tokenizer(["a"], 200)


def test_templates_cost_what_they_cost_the_real_tokenizer(tokenizer):
    """Every word of the templates is one token, as in Qwen2.5's own vocabulary: 34 and 64 tokens."""
    assert [len(tokenizer.encode(chat_prefix(images))) for images in (0, 1)] == [34, 64]


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=40))
def test_tokenizer_encodes_any_text(tokenizer, text):
    import unicodedata

    assert tokenizer.decode(tokenizer.encode(text)) == unicodedata.normalize("NFC", text)


def test_answers_alone_are_learnt_in_full(stage):
    scene = sample_scene(5)
    read = [read_dialogue(scene, MIX, torch.Generator().manual_seed(i)) for i in range(60)]
    guess, said = (next(d for d in read if d.guess == wanted and d.prompt) for wanted in (True, False))
    for dialogue in (guess, said, image_dialogue(stage.data, 1, "layout")):
        (group,) = stage.collate([dialogue], stage.data)["groups"]
        images = 0 if dialogue.image is None else 1
        start = stage.encoder.prefix_length(images)
        ids, weights = group["ids"][0], group["weights"][0]
        assert stage.tokenizer.decode(ids[:start]) == chat_prefix(images)
        assert stage.tokenizer.decode(ids[start:][weights >= GUESS_WEIGHT]) == dialogue.answer + "<|im_end|>"
        in_full = stage.tokenizer.decode(ids[start:][weights == 1])
        wanted = re.sub(r"[\d.]", "", dialogue.answer) if dialogue.guess else dialogue.answer
        assert in_full == wanted + "<|im_end|>"
        prompt = stage.encoder.token_ids(dialogue.prompt, [(4, 4)] * images)
        assert torch.equal(ids[: len(prompt)], prompt)
        assert set(weights[: len(prompt) - start].tolist()) == {0.0 if images else torch.tensor(PROMPT_WEIGHT).item()}


def test_edit_dialogues_ask_about_the_source_and_answer_with_the_target(stage):
    source, target, _ = stage.data.edits[0]
    dialogue = edit_dialogue(stage.data, 0, torch.Generator().manual_seed(0))
    assert dialogue.image == source and dialogue.answer == numbers_answer(stage.data.scenes[target])
    assert dialogue.answer != numbers_answer(stage.data.scenes[source])


def test_answers_to_captions_and_images_are_true_of_the_scene(stage):
    for seed in range(40):
        scene = sample_scene(seed)
        dialogue = read_dialogue(scene, MIX, torch.Generator().manual_seed(seed))
        if dialogue.guess:
            continue
        assert all(f"{thing.color} {thing.noun}" in dialogue.prompt.lower() for thing in _things(dialogue.answer))
        assert _true(scene, dialogue.answer)
    for index, scene in enumerate(stage.data.scenes):
        assert _true(scene, image_dialogue(stage.data, index, "names").answer)


def _things(answer):
    return read_scene_text(answer).things


def _true(scene, answer) -> bool:
    """Whether all that an answer promises holds in the scene, whose objects it may name in another order."""
    places = {(thing.color, thing.kind): i for i, thing in enumerate(scene.objects)}
    order = [places[thing.color, thing.noun] for thing in _things(answer)]
    promised = [statement for _, statement in program_statements(read_scene_text(answer))]
    moved = [
        replace(s, subject=order[s.subject], reference=None if s.reference is None else order[s.reference])
        for s in promised
    ]
    return sorted(order) == list(range(len(scene.objects))) and all(score(scene, s) == 1.0 for s in moved)


def test_batches_depend_on_their_generators_alone(stage):
    indices = list(range(6)) * 32
    a, b = (stage.batch(indices, generators(192)) for _ in range(2))
    c = stage.batch(indices, generators(192, seed=1))
    assert all(torch.equal(x["ids"], y["ids"]) for x, y in zip(a["groups"], b["groups"], strict=True))
    assert [g["ids"].tolist() for g in a["groups"]] != [g["ids"].tolist() for g in c["groups"]]
    assert sum(len(g["ids"]) for g in a["groups"]) == 192 and max(len(g["ids"]) for g in a["groups"]) <= GROUP
    assert set(torch.cat([g["tasks"] for g in a["groups"]]).tolist()) == set(range(len(TASKS)))


def summary_mask(hidden, length):
    """Additive mask [B, 1, length, length], built token by token."""
    mask = torch.full([len(hidden), 1, length, length], torch.finfo(torch.float32).min)
    for row, (first, last) in enumerate(hidden.tolist()):
        for token in range(length):
            mask[row, 0, token, : token + 1] = 0
            if token >= last + SUFFIX:
                mask[row, 0, token, first:last] = torch.finfo(torch.float32).min
    return mask


def test_summaries_hide_the_prompt_from_the_answer(stage):
    scene = next(s for s in map(sample_scene, range(50)) if len(s.objects) == 2)
    dialogue = replace(read_dialogue(scene, MIX, torch.Generator().manual_seed(0)), summary=True)
    (group,) = stage.collate([dialogue], stage.data)["groups"]
    ids, (first, last) = group["ids"][0], group["hidden"][0].tolist()
    decode = stage.tokenizer.decode
    assert decode(ids[first:last]) == dialogue.prompt
    assert decode(ids[last : last + SUFFIX]) == CHAT_SUFFIX
    assert decode(ids[last + SUFFIX :]) == f"{dialogue.answer}<|im_end|>"

    (seen,) = stage.collate([replace(dialogue, summary=False)], stage.data)["groups"]
    assert "hidden" not in seen and torch.equal(seen["ids"], group["ids"])


def test_shared_prefix_gives_the_loss_and_gradients_of_whole_chats(stage):
    embedding = stage.trained.get_input_embeddings().weight
    summaries = 0
    for group in stage.batch([0, 1, 2, 3] * 3, generators(12))["groups"]:
        errors, hits = stage.predict(group)
        ids, weights = group["ids"], group["weights"]
        inputs = image_inputs(group["pixels"], ids, stage.encoder) if "pixels" in group else {}
        if "hidden" in group:
            inputs["attention_mask"] = {"full_attention": summary_mask(group["hidden"], ids.shape[1])}
            summaries += 1
        logits = stage.text_encoder(input_ids=ids, **inputs).logits[:, :-1]
        start = ids.shape[1] - errors.shape[1] - 1
        expected = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")[:, start:]
        torch.testing.assert_close(errors, expected, atol=1e-4, rtol=1e-4)
        assert (hits == (logits.argmax(-1) == ids[:, 1:])[:, start:]).float().mean() > 0.99
        gradients = [torch.autograd.grad((e * weights).mean(), embedding)[0] for e in (errors, expected)]
        torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-3)
        # The template's words themselves are trained through the shared keys and values.
        assert gradients[0][ids[0, 3]].abs().sum() > 0
    assert summaries


def test_loss_is_weighted_and_reported_by_task(stage):
    batch = stage.batch([0, 1, 2, 3] * 3, generators(12))
    loss, metrics = stage.loss(batch)
    errors = [(stage.predict(g)[0], g) for g in batch["groups"]]
    total = sum((e * g["weights"]).sum() for e, g in errors) / sum(g["weights"].sum() for _, g in errors)
    torch.testing.assert_close(loss, total)
    reads = [e[i][g["weights"][i] >= GUESS_WEIGHT] for e, g in errors for i in range(len(e)) if g["tasks"][i] == 0]
    torch.testing.assert_close(metrics["loss_read"], torch.cat(reads).mean())
    lonely = stage.collate([read_dialogue(sample_scene(1), MIX, torch.Generator().manual_seed(0))], stage.data)
    assert stage.loss(lonely)[1]["loss_edit"].isnan()


def test_a_few_steps_lower_the_loss(stage):
    state = {name: tensor.clone() for name, tensor in stage.trained.state_dict().items()}
    muon, adamw = stage.parameter_groups()
    assert muon and all(p.ndim == 2 for p in muon) and len(muon) + len(adamw) == len(list(stage.trained.parameters()))
    batch = stage.batch([0, 1, 2, 3], generators(4))
    optimizer = torch.optim.AdamW(stage.trained.parameters(), 5e-3)
    losses = []
    for _ in range(12):
        loss, _ = stage.loss(batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    stage.trained.load_state_dict(state)
    assert losses[-1] < 0.6 * losses[0]
    # The head is the embedding's own matrix, so it was trained with it.
    assert stage.text_encoder.lm_head.weight is stage.trained.get_input_embeddings().weight


def test_greedy_answers_follow_the_most_likely_token(stage, monkeypatch):
    monkeypatch.setattr("spatialfusion.tiny.language.LONGEST_ANSWER", 5)
    prompts = ["a red car", "a blue house behind a red car, seen from the left side", "move the car"]
    for pictures in ([None] * 3, [stage.data.images[0], None, stage.data.images[1]]):
        answers = stage.answer(prompts, pictures)
        for prompt, picture, answer in zip(prompts, pictures, answers, strict=True):
            ids = stage.encoder.token_ids(prompt, [] if picture is None else [(4, 4)])[None]
            start = ids.shape[1]
            for _ in range(5):
                given_picture = {} if picture is None else image_inputs(picture[None], ids, stage.encoder)
                with torch.no_grad():
                    following = stage.text_encoder(input_ids=ids, **given_picture).logits[:, -1:].argmax(-1)
                ids = torch.cat([ids, following], dim=1)
            assert answer == stage.tokenizer.decode(ids[0, start:], skip_special_tokens=True)


def test_figures_of_answers():
    wanted = ["camera auto ; car red left of house ; house blue", "camera auto ; dog black"]
    assert reading_figures(wanted, wanted) == {"valid": 1.0, "objects": 1.0, "relations": 1.0}
    turned = ["camera auto ; car red right of house ; house blue", "camera auto ; dog white"]
    assert reading_figures(wanted, turned) == {"valid": 1.0, "objects": 0.5, "relations": 0.0}
    assert reading_figures(wanted, ["car red left of", wanted[1]]) == {"valid": 0.5, "objects": 0.5, "relations": 0.5}


def test_kind_and_colour_are_unique_in_a_scene():
    for scene in map(sample_scene, range(200)):
        assert len({(thing.color, thing.kind) for thing in scene.objects}) == len(scene.objects)


def test_validation_reports_figures_and_writes_a_sheet(stage, tmp_path):
    with torch.no_grad():
        metrics = stage.validate(tmp_path, 7)
    assert {f"accuracy_{task}" for task in TASKS} <= set(metrics)
    assert metrics["objects"] == metrics["relations"] == 0.0 and metrics["perplexity_read"] > 50  # untrained
    with Image.open(tmp_path / "sheet-7.png") as sheet:
        assert sheet.width > 500


def test_export_gives_the_prompt_encoder_the_same_model(stage, tmp_path):
    stage.export(tmp_path / "model")
    loaded = PromptEncoder.load(tmp_path / "model", num_layers=2)
    picture = stage.data.images[0].float() / 255
    for images in ([[]], [[picture]]):
        a, b = loaded.encode(["a red car"], images), stage.encoder.encode(["a red car"], images)
        torch.testing.assert_close(a.prompt_embeds, b.prompt_embeds, atol=1e-5, rtol=1e-5)
        assert torch.equal(a.next_position, b.next_position)
        for x, y in zip((*a.keys, *a.values), (*b.keys, *b.values), strict=True):
            torch.testing.assert_close(x, y, atol=1e-5, rtol=1e-5)
    assert a.mask.sum() - loaded.encode(["a red car"]).mask.sum() > 4  # 64 px: four image tokens and their words
