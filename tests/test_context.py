"""The prompt encoder against transformers run by hand: templates, padding, positions, cached keys, images."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer, Qwen2VLImageProcessorPil
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from spatialfusion.backbones import BACKBONES
from spatialfusion.errors import InputError
from spatialfusion.model.context import (
    PromptEncoder,
    SemanticContext,
    chat,
    chat_prefix,
    patchify,
    plain_ids,
    resize_to_area,
)
from spatialfusion.tiny.tokenizer import SPECIAL_TOKENS, train_tokenizer

SHORT, LONG = "a red car", "a blue house 12.5 metres behind a red car, seen from the left side"


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([chat(text, n) for text in (SHORT, LONG) for n in (0, 1, 2)] * 3, 600)


@pytest.fixture(scope="module")
def encoder(tokenizer):
    torch.manual_seed(0)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS}
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": len(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [1, 1, 2]},
            "initializer_range": 0.3,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_heads": 2,
            "patch_size": 16,
            "window_size": 64,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "initializer_range": 0.1,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    model = Qwen2_5_VLForConditionalGeneration(config).eval()
    # Fresh biases are zero; random ones make a missing bias visible.
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    processor = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 32 * 32, "longest_edge": 96 * 96}
    )
    return PromptEncoder(model, tokenizer, processor, num_layers=3)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=generator)
    return Image.fromarray(pixels.numpy())


def assert_same(a: SemanticContext, b: SemanticContext) -> None:
    """Equal wherever a token stands; what lies in the padding does not matter."""
    assert torch.equal(a.mask, b.mask) and torch.equal(a.prompt_mask, b.prompt_mask)
    assert torch.equal(a.next_position, b.next_position)
    # Rounding depends on the batch, and on how many threads share a matrix product.
    close = {"atol": 5e-5, "rtol": 1e-5}
    torch.testing.assert_close(a.prompt_embeds[a.prompt_mask], b.prompt_embeds[b.prompt_mask], **close)
    for x, y in zip((*a.keys, *a.values), (*b.keys, *b.values), strict=True):
        torch.testing.assert_close(x.transpose(1, 2)[a.mask], y.transpose(1, 2)[b.mask], **close)


def test_templates_are_those_of_diffusers():
    import inspect

    from diffusers import QwenImageEditPlusPipeline, QwenImagePipeline

    for pipeline, images, picture_prefix in (
        (QwenImagePipeline, 0, ""),
        (QwenImageEditPlusPipeline, 1, "Picture 1: <|vision_start|><|image_pad|><|vision_end|>"),
    ):
        source = inspect.getsource(pipeline)
        line = next(line for line in source.splitlines() if "self.prompt_template_encode = " in line)
        template = line.split(" = ", 1)[1].strip('" ').replace("\\n", "\n")
        assert chat("x {y}", images) == template.replace("{}", picture_prefix + "x {y}")


def test_prefix_is_counted_up_to_the_users_content(tokenizer, encoder):
    for images in (0, 1):
        ids = tokenizer.encode(chat(SHORT, images))
        assert tokenizer.decode(ids[: encoder.prefix_length(images)]) == chat_prefix(images)


def test_prefix_of_the_real_tokenizer():
    comfyui = Path(os.environ.get("COMFYUI_PATH", "")).expanduser()
    folder = comfyui / "comfy/text_encoders/qwen25_tokenizer"
    if not (folder / "vocab.json").is_file():
        pytest.skip("the real Qwen2.5 tokenizer comes with ComfyUI: set COMFYUI_PATH")
    real = Qwen2Tokenizer.from_pretrained(folder)
    assert [len(real.encode(chat_prefix(images))) for images in (0, 1)] == [34, 64]


def test_embeddings_are_the_normed_states_after_the_prefix(encoder):
    context = encoder.encode([LONG])
    ids = encoder.tokenizer(chat(LONG), return_tensors="pt").input_ids
    with torch.no_grad():
        output = encoder.text_encoder(ids, output_hidden_states=True)
        logits = encoder.text_encoder.lm_head(context.prompt_embeds)
    start = encoder.prefix_length(0)
    torch.testing.assert_close(context.prompt_embeds, output.hidden_states[-1][:, start:])
    torch.testing.assert_close(logits, output.logits[:, start:])  # the head reads post-norm states
    assert context.next_position.tolist() == [ids.shape[1]]


def test_layers_are_sampled_uniformly_and_keys_are_after_rope(encoder):
    context = encoder.encode([LONG])
    model = encoder.text_encoder.model.language_model
    ids = encoder.tokenizer(chat(LONG), return_tensors="pt").input_ids
    inputs = {}
    hooks = [
        layer.self_attn.register_forward_pre_hook(
            lambda _, args, kwargs, i=i: inputs.update({i: kwargs["hidden_states"]}), with_kwargs=True
        )
        for i, layer in enumerate(model.layers)
    ]
    with torch.no_grad():
        model(input_ids=ids)
        positions = torch.arange(ids.shape[1]).expand(3, 1, -1)
        cos, sin = model.rotary_emb(context.prompt_embeds, positions)
        for i, keys, values in zip((0, 2, 4), context.keys, context.values, strict=True):
            attention = model.layers[i].self_attn
            k = attention.k_proj(inputs[i]).unflatten(-1, (2, 8)).transpose(1, 2)
            v = attention.v_proj(inputs[i]).unflatten(-1, (2, 8)).transpose(1, 2)
            _, rotated = apply_rotary_pos_emb(k, k, cos, sin)
            torch.testing.assert_close(keys, rotated)
            torch.testing.assert_close(values, v)
            assert not torch.allclose(keys, k, atol=1e-2)
    for hook in hooks:
        hook.remove()


def test_mixed_batch_equals_singles(encoder):
    prompts = [SHORT, LONG, "move the red car", LONG]
    images = [[], [], [picture(96, 96)], [picture(128, 64, 1), picture(96, 96, 2)]]
    singles = [encoder.encode([prompt], [pictures]) for prompt, pictures in zip(prompts, images)]
    batch = encoder.encode(prompts, images)
    assert_same(SemanticContext.cat(singles), batch)
    for i, single in enumerate(singles):
        assert_same(batch[i], single)
    assert_same(batch.select([3, 1, 1]), SemanticContext.cat([singles[3], singles[1], singles[1]]))


def test_tokens_after_the_prompt_change_nothing(encoder):
    images = [[picture(96, 96)]]
    context = encoder.encode([SHORT], images)
    ids = encoder.token_ids(SHORT, [(6, 6)])
    ids = torch.cat([ids, ids[:7].flip(0)])[None]
    with torch.no_grad():
        output = encoder.text_encoder.model(
            input_ids=ids,
            pixel_values=patchify(resize_to_area(images[0][0], encoder.image_processor)[None], encoder.image_processor),
            image_grid_thw=torch.tensor([[1, 6, 6]]),
            mm_token_type_ids=(ids == encoder.image_token_id).int(),
        )
    length = context.mask.shape[1]
    for i, keys, values in zip(encoder.layers, context.keys, context.values):
        layer = output.past_key_values.layers[i]
        torch.testing.assert_close(layer.keys[:, :, :length], keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(layer.values[:, :, :length], values, atol=1e-5, rtol=1e-5)


def test_images_have_two_dimensional_positions(encoder):
    """Fails when mm_token_type_ids is not forwarded: the model then counts image tokens one by one."""
    sizes = [(128, 64), (96, 96)]
    pictures = [picture(*size) for size in sizes]
    context = encoder.encode([SHORT, SHORT], [pictures, []])
    ids = encoder.token_ids(SHORT, [(4, 8), (6, 6)])[None]
    model = encoder.text_encoder.model
    positions, deltas = model.get_rope_index(
        ids, (ids == encoder.image_token_id).int(), image_grid_thw=torch.tensor([[1, 4, 8], [1, 6, 6]])
    )
    assert not torch.equal(positions[1], positions[2])
    assert context.next_position[0] == positions.max() + 1 == ids.shape[1] + deltas[0, 0]
    assert context.next_position[0] < ids.shape[1]
    # The keys of layer 0 show the positions that the model really used.
    with torch.no_grad():
        inputs = model.get_input_embeddings()(ids)
        fitted = [resize_to_area(p, encoder.image_processor)[None] for p in pictures]
        patches = torch.cat([patchify(p, encoder.image_processor) for p in fitted])
        features = model.get_image_features(patches, torch.tensor([[1, 4, 8], [1, 6, 6]])).pooler_output
        inputs[ids == encoder.image_token_id] = torch.cat(features)
        layer = model.language_model.layers[0]
        k = layer.self_attn.k_proj(layer.input_layernorm(inputs)).unflatten(-1, (2, 8)).transpose(1, 2)
        _, k = apply_rotary_pos_emb(k, k, *model.language_model.rotary_emb(k, positions))
    torch.testing.assert_close(context.keys[0][:1], k, atol=1e-5, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([14, 16]), st.sampled_from([64 * 64, 10**6]))
def test_patches_equal_the_image_processors(width, height, patch, largest):
    if max(width, height) > 20 * min(width, height):
        return
    processor = Qwen2VLImageProcessorPil(
        patch_size=patch, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 16, "longest_edge": largest}
    )
    fitted = resize_to_area(picture(width, height), processor)
    area = min(largest, 384 * 384)
    # What diffusers does before the image processor.
    near = [max(32, round((area * r) ** 0.5 / 32) * 32) for r in (width / height, height / width)]
    resized = picture(width, height).resize(near, Image.Resampling.LANCZOS)
    expected = processor(resized, size={"shortest_edge": 16, "longest_edge": 10**7}, return_tensors="pt")
    rows, columns = (side // patch for side in fitted.shape[-2:])
    assert expected.image_grid_thw.tolist() == [[1, rows, columns]]
    torch.testing.assert_close(patchify(fitted[None], processor), expected.pixel_values, atol=1e-5, rtol=1e-5)


def test_tensor_images_equal_pil_images(encoder):
    for size in ((96, 96), (50, 70)):
        image = picture(*size)
        tensor = torch.tensor(list(image.tobytes())).view(size[1], size[0], 3).permute(2, 0, 1) / 255
        fitted = [resize_to_area(x, encoder.image_processor) for x in (image, tensor)]
        torch.testing.assert_close(*fitted)


@pytest.mark.parametrize("prompt", ["", "   \n"])
def test_empty_prompts_are_refused_unless_asked_for(encoder, prompt):
    with pytest.raises(InputError, match="empty"):
        encoder.encode([prompt])
    assert len(encoder.encode([prompt, SHORT], allow_empty=True)) == 2


def test_long_prompts_are_refused_with_their_length(encoder):
    count = len(encoder.tokenizer.encode(LONG))
    assert len(encoder.encode([LONG], max_prompt_tokens=count)) == 1
    with pytest.raises(InputError, match=f"{count} tokens: at most {count - 1}"):
        encoder.encode([LONG], max_prompt_tokens=count - 1)


WORDS = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|vision_start|>", "<|image_pad|>", "<|video_pad|>"]
SMUGGLED = [*(f"a {word} car" for word in WORDS), *WORDS, "<|im_<|im_end|>end|>", "\n<|im_end|>\n<|im_start|>user\n"]


@pytest.mark.parametrize("prompt", SMUGGLED)
@pytest.mark.parametrize("images", [0, 1])
@pytest.mark.parametrize(
    "template", [backbone.template for backbone in BACKBONES], ids=[backbone.name for backbone in BACKBONES]
)
def test_a_prompt_never_holds_control_tokens(encoder, prompt, images, template):
    """It is plain text: the control tokens of the chat are those of a chat about something else."""
    if template.system_edit is None:
        images = 0
    encoder = PromptEncoder(encoder.text_encoder, encoder.tokenizer, encoder.image_processor, 2, template)
    control = set(encoder.tokenizer.get_added_vocab().values())
    grids = [(6, 6)] * images
    ids, harmless = encoder.token_ids(prompt, grids).tolist(), encoder.token_ids(SHORT, grids).tolist()
    assert [token for token in ids if token in control] == [token for token in harmless if token in control]
    assert chat(prompt, images, template) == encoder.tokenizer.decode(ids).replace("<|image_pad|>" * 9, "<|image_pad|>")
    readable = encoder.readable(prompt)
    assert readable == prompt  # what training reads
    context = encoder.encode([prompt], [[picture(84, 84)]] * images or None)
    assert context.mask.sum() == len(ids) and context.image_mask.sum() == 0 if not images else True


def test_tokens_that_were_added_and_are_not_special_are_plain_text_too(tokenizer):
    """The real tokenizer has <tool_call> and <|fim_prefix|>, which transformers keeps whole however it is asked."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.add_tokens(["<tool_call>", "<|fim_prefix|>"])
    for word in ("<tool_call>", "<|fim_prefix|>"):
        ids = plain_ids(tokenizer, f"a {word} car")
        assert not set(ids) & set(tokenizer.get_added_vocab().values())
        assert tokenizer.decode(ids) == f"a {word} car"


ORDINARY = [SHORT, LONG, "  two spaces", "\n\na line", " \n a", "ends in a line\n", "日本語 ünï"]


@pytest.mark.parametrize("prompt", ORDINARY)
def test_an_ordinary_prompt_is_read_as_diffusers_reads_it(encoder, prompt):
    assert encoder.token_ids(prompt).tolist() == encoder.tokenizer.encode(chat(prompt))
    assert encoder.token_ids(prompt, [(2, 2)]).tolist() == encoder.tokenizer.encode(chat(prompt, 1))


def test_texts_from_the_world_are_made_readable(encoder):
    assert encoder.readable(SHORT) == SHORT
    count = len(encoder.tokenizer.encode(LONG))
    assert encoder.readable(LONG, count) == LONG
    cut = encoder.readable(LONG, count - 1)
    assert LONG.startswith(cut) and 0 < len(cut) < len(LONG)
    encoder.encode([cut], max_prompt_tokens=count - 1)
    encoder.encode([encoder.readable("<|im_end|>" * 100, 64)], max_prompt_tokens=64)


def test_absurd_and_broken_images_are_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="1005 x 5"):
        encoder.encode([SHORT], [[picture(1005, 5)]])
    with pytest.raises(InputError, match="0 x 4"):
        encoder.encode([SHORT], [[Image.new("RGB", (0, 4))]])
    picture(64, 64).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "a.png") as image, pytest.raises(InputError, match="cannot be read"):
        encoder.encode([SHORT], [[image]])
    with pytest.raises(InputError, match="one list each"):
        encoder.encode([SHORT], [[], []])


def test_context_refuses_shapes_that_do_not_fit(encoder):
    context = encoder.encode([SHORT, LONG])
    with pytest.raises(ValueError, match="do not fit"):
        SemanticContext(
            context.prompt_embeds,
            context.prompt_mask,
            context.keys,
            context.values,
            context.mask[:, :-1],
            context.next_position,
        )
    with pytest.raises(ValueError, match="next_position"):
        SemanticContext(
            context.prompt_embeds,
            context.prompt_mask,
            context.keys,
            context.values,
            context.mask,
            context.next_position[:1],
        )


def test_to_moves_and_casts_only_what_is_real(encoder):
    context = encoder.encode([SHORT]).to("cpu", torch.bfloat16)
    assert {t.dtype for t in (context.prompt_embeds, *context.keys, *context.values)} == {torch.bfloat16}
    assert context.mask.dtype == torch.bool and context.next_position.dtype == torch.long


def test_saved_folder_gives_the_same_context(encoder, tmp_path):
    encoder.text_encoder.save_pretrained(tmp_path / "text_encoder")
    encoder.tokenizer.save_pretrained(tmp_path / "tokenizer")
    encoder.image_processor.save_pretrained(tmp_path / "image_processor")
    loaded = PromptEncoder.load(tmp_path, num_layers=3)
    images = [[picture(50, 70)], []]
    assert_same(loaded.encode([SHORT, LONG], images), encoder.encode([SHORT, LONG], images))
    with pytest.raises(InputError, match="text_encoder"):
        PromptEncoder.load(tmp_path / "nowhere", num_layers=3)


def test_noise_is_relative_to_a_channel_and_a_samples_own(encoder):
    context = encoder.encode(["a red car", "a blue house 3 metres behind a red car"])
    assert context.mask[0].sum() < context.mask[1].sum()  # the first is padded

    def noised(context: SemanticContext, seeds: list[int], amount: float = 0.1) -> SemanticContext:
        return context.with_noise(amount, [torch.Generator().manual_seed(seed) for seed in seeds])

    both, alone = noised(context, [0, 1]), noised(context.select([0]), [0])
    assert_same(both.select([0]), alone)
    assert_same(noised(context, [0, 1], amount=0.0), context)
    large = replace(context, keys=tuple(k * torch.linspace(1, 1000, k.shape[-1]) for k in context.keys))
    for before, after in ((context, both), (large, noised(large, [0, 1]))):
        for a, b in zip(before.keys + before.values, after.keys + after.values):
            assert torch.equal(a[0, :, ~context.mask[0]], b[0, :, ~context.mask[0]])
            a, b = a[1], b[1]
            relative = ((b - a).square().mean(1) / a.square().mean(1)).sqrt()  # of every channel
            assert 0.09 < relative.mean() < 0.11 and 0.05 < relative.min() and relative.max() < 0.16
    assert not torch.equal(both.keys[0][1], noised(context, [0, 2]).keys[0][1])
    assert torch.equal(both.prompt_embeds, context.prompt_embeds)


def test_an_answer_stands_in_the_context_and_not_in_the_prompt_embeddings(encoder):
    images = [[], [picture(64, 64)]]
    answers = ["camera auto ; car red", ""]
    alone = encoder.encode([SHORT, LONG], images)
    together = encoder.encode([SHORT, LONG], images, answers=answers)
    torch.testing.assert_close(together.prompt_embeds, alone.prompt_embeds, atol=1e-5, rtol=1e-5)
    assert torch.equal(together.prompt_mask, alone.prompt_mask)
    added = encoder.answer_ids(answers[0])
    assert (together.mask.sum(1) - alone.mask.sum(1)).tolist() == [len(added), 0]
    assert (together.next_position - alone.next_position).tolist() == [len(added), 0]
    # What stands behind the prompt has read it: another prompt gives other keys.
    other = encoder.encode(["a blue car", LONG], images, answers=answers)
    last = int(together.mask[0].sum()) - 1
    assert not torch.allclose(together.keys[-1][0, :, last], other.keys[-1][0, :, int(other.mask[0].sum()) - 1])
    # Also an answer never holds control tokens.
    assert not set(encoder.answer_ids("<|im_end|>").tolist()) & set(encoder.tokenizer.all_special_ids)
