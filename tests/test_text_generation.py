"""Models that write: how they go on, where they end, their losses."""

import json
import re

import numpy as np
import pytest
import torch
from small_models import ANSWER, BINARY, GENERATIVE_MODELS, LONG, STORY, TEXTS, build_model, export_model
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
)

from nightshift.generation_config import Generation
from nightshift.inference import text_generation
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import pretrained
from nightshift.models.heads import Head, read_heads, write_heads
from nightshift.onnx import export


def test_what_is_scored_begins_as_it_was_learned():
    model, tokenizer = build_model("gpt2", {"main": STORY})
    predictor = TorchPredictor(model, tokenizer, {"main": STORY}, 64)
    assert np.allclose(predictor.losses(TEXTS), predictor.losses([""] * len(TEXTS), TEXTS), rtol=1e-5)
    assert predictor.continuations([]) == [] and len(predictor.losses([])[0]) == 0


def test_a_checkpoint_writes_as_it_did_here(tmp_path):
    model, tokenizer = build_model("t5", {"main": ANSWER})
    model.generation_config.num_beams, model.generation_config.no_repeat_ngram_size = 4, 3
    pretrained.save_checkpoint(model, tokenizer, {"main": ANSWER}, tmp_path)
    config = GenerationConfig.from_pretrained(tmp_path)
    assert not config.num_beams and not config.no_repeat_ngram_size
    assert config.eos_token_id == tokenizer.eos_token_id and config.decoder_start_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize("case", GENERATIVE_MODELS)
def test_the_served_folder_writes_like_torch_whatever_else_is_in_the_batch(case, tmp_path):
    base, heads = GENERATIVE_MODELS[case]
    full, served = export_model(base, heads, tmp_path), export.open_predictor(tmp_path)
    assert {"model.safetensors", "tokenizer.json", "serving.json"} <= {path.name for path in tmp_path.iterdir()}
    for name in (name for name, head in heads.items() if head.generative):
        greedy = served.continuations(LONG, name, 6)
        assert greedy == full.continuations(LONG, name, 6) and len(set(greedy)) > 3
        assert greedy[:5] == [served.continuations([text], name, 6)[0] for text in LONG[:5]]
        sampling = {"top_p": 0.9, "top_k": 50, "repetition_penalty": 1.3}
        drawn = [served.continuations(LONG, name, 6, 1.0, seed, **sampling) for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2] and drawn[0] != greedy
        assert drawn[0][:5] == [served.continuations([text], name, 6, 1.0, 1, **sampling)[0] for text in LONG[:5]]
        assert drawn[0][-4:] == served.continuations(LONG[-4:], name, 6, 1.0, 1, **sampling)
        assert greedy == served.continuations(LONG, name, 6, 1.0, 1, top_k=1)
        assert greedy == served.continuations(LONG, name, 6, 1.0, 1, top_p=1e-6)
        assert len(served.continuations(["", LONG[-1]], name, 500)) == 2


def test_a_shared_trunk_writes_as_the_stock_model_with_its_weights(tmp_path):
    model, tokenizer = build_model("gpt2", {"main": STORY})
    shared, _ = build_model("gpt2", GENERATIVE_MODELS["one gpt2 for three"][1])
    shared.trunk.load_state_dict(model.transformer.state_dict())
    stock = TorchPredictor(model, tokenizer, {"main": STORY}, 32)
    shared_predictor = TorchPredictor(shared, tokenizer, {"main": STORY, "tone": BINARY}, 32)
    assert stock.continuations(TEXTS, "main", 12) == shared_predictor.continuations(TEXTS, "main", 12)
    assert stock.continuations(TEXTS, "main", 12, 0.7, 3) == shared_predictor.continuations(TEXTS, "main", 12, 0.7, 3)
    assert np.allclose(stock.losses(TEXTS)[0], shared_predictor.losses(TEXTS)[0], atol=1e-3)


def test_a_source_is_read_alike_in_any_batch_where_positions_count_from_the_left():
    torch.manual_seed(0)
    tokenizer = build_model("t5", {"main": ANSWER})[1]
    sizes = {f"{part}_{name}": 2 for part in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    config = BartConfig(vocab_size=300, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64,
                        pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1, init_std=0.3, **sizes)  # fmt: skip
    full = TorchPredictor(BartForConditionalGeneration(config).eval(), tokenizer, {"main": ANSWER}, 48)
    single = [full.continuations([text], max_new_tokens=6)[0] for text in TEXTS[:12]]
    assert full.continuations(TEXTS, max_new_tokens=6)[:12] == single and len(set(single)) > 3


def certain(token, size=16):
    """A GPT-2 that always writes `token`."""
    model, tokenizer = build_model("gpt2", {"main": STORY})
    with torch.no_grad():
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.copy_(model.transformer.wte.weight[token(tokenizer)] * size)
    return TorchPredictor(model, tokenizer, {"main": STORY}, 16)


def test_writing_ends_at_the_end_token_and_leaves_the_prompt_out():
    assert certain(lambda tokenizer: tokenizer.eos_token_id).continuations(TEXTS[:3]) == ["", "", ""]
    word = certain(lambda tokenizer: tokenizer("a")["input_ids"][0])
    assert word.continuations([TEXTS[0]], max_new_tokens=4) == ["aaaa"]


def test_writing_ends_before_the_first_stop_string():
    word = certain(lambda tokenizer: tokenizer("a")["input_ids"][0])
    assert word.continuations(TEXTS[:2], max_new_tokens=9, stop_strings=["x", "aaa"]) == ["", ""]
    model, tokenizer = build_model("t5", {"main": ANSWER})
    full = TorchPredictor(model, tokenizer, {"main": ANSWER}, 48)
    unstopped = full.continuations(TEXTS, max_new_tokens=12)
    stop = next(text for text in unstopped if len(text) > 4)[2:4]
    assert full.continuations(TEXTS, max_new_tokens=12, stop_strings=[stop]) == [
        text.partition(stop)[0] for text in unstopped
    ]


@pytest.mark.parametrize("base", ["gpt2", "t5"])
def test_repeating_is_made_as_unlikely_as_transformers_does(base):
    model, tokenizer = build_model(base, {"main": ANSWER})
    full = TorchPredictor(model, tokenizer, {"main": ANSWER}, 48)
    for text, written in zip(
        TEXTS[:6], full.continuations(TEXTS[:6], max_new_tokens=8, repetition_penalty=9.0), strict=True
    ):
        ids = torch.tensor(text_generation.encode_prompts(tokenizer, ANSWER, [text], 40, base == "t5"))
        generated = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, repetition_penalty=9.0,
                              do_sample=False, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
        assert (
            tokenizer.decode(generated[0, 1 if base == "t5" else ids.shape[1] :], skip_special_tokens=True) == written
        )
    assert written != full.continuations(TEXTS[5:6], max_new_tokens=8)[0]


def test_tokens_are_drawn_as_often_as_they_are_likely():
    scores = torch.tensor([[0.1, 2.0, -torch.inf, 1.0, -1.0]]).repeat(4000, 1)
    drawn = text_generation._Draw([text_generation.row_seed(7, str(row)) for row in range(4000)])(None, scores).argmax(
        dim=1
    )
    shares = torch.bincount(drawn, minlength=5) / 4000
    assert torch.allclose(shares, scores[0].softmax(dim=0), atol=0.03) and shares[2] == 0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"top_p": 0.0}, "top_p: expected more than 0, at most 1, found 0.0"),
        ({"top_p": "0.9"}, "top_p: expected a number, found '0.9'"),
        ({"top_k": 1.5}, "top_k: expected a whole number, found 1.5"),
        ({"top_k": True}, "top_k: expected a whole number, found True"),
        ({"temperature": float("nan")}, "temperature: expected a number, found nan"),
        ({"max_new_tokens": 10**9}, "max_new_tokens: expected 1 to 8192"),
        ({"repetition_penalty": -1}, "repetition_penalty: expected more than 0"),
        ({"stop_strings": "end"}, "stop_strings: expected a list of texts, found 'end'"),
        ({"stop_strings": [""]}, "stop_strings: expected texts that are not empty"),
        ({"stop_strings": ["a"] * 17}, "stop_strings: expected at most 16 texts"),
        ({"top_q": 1}, "no parameter 'top_q': a model that writes takes max_new_tokens, temperature, top_p"),
    ],
)
def test_what_says_how_to_write_is_checked(params, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Generation().changed(**params)


def test_a_checkpoint_keeps_how_it_writes(tmp_path):
    generation = Generation(max_new_tokens=3, stop_strings=("end",))
    write_heads({"main": Head("generation", generation=generation)}, tmp_path)
    assert read_heads(tmp_path)["main"].generation == generation
    older = json.loads((tmp_path / "nightshift.json").read_text())
    del older["main"]["generation"]
    (tmp_path / "nightshift.json").write_text(json.dumps(older))
    assert read_heads(tmp_path)["main"].generation == Generation()


def test_a_prompt_leaves_room_for_what_is_written():
    config = build_model("gpt2", {"main": STORY})[0].config
    assert text_generation.fit_lengths(config, 32, 16) == (32, 16) and text_generation.fit_lengths(config, 64, 16) == (
        48,
        16,
    )
    assert text_generation.fit_lengths(config, 64, 500) == (32, 32)


@pytest.mark.parametrize("case", ["gpt2 goes on", "one gpt2 for three"])
def test_losses_of_texts_are_those_of_the_model_without_batches_and_pieces(case):
    base, heads = GENERATIVE_MODELS[case]
    model, tokenizer = build_model(base, heads)
    name = next(iter(heads))
    loss, tokens = TorchPredictor(model, tokenizer, heads, 64).losses(TEXTS, None, name)
    ids = torch.tensor([[1, *tokenizer(TEXTS[7])["input_ids"], 1]])
    inputs = {"objective": name} if len(heads) > 1 else {}
    with torch.no_grad():
        log_probs = model(input_ids=ids, **inputs).logits.log_softmax(-1)
    expected = -log_probs[0, :-1].gather(1, ids[0, 1:, None]).sum()
    assert loss[7] == pytest.approx(float(expected), rel=1e-5) and tokens[7] == ids.shape[1] - 1
    windowed_loss, windowed_tokens = TorchPredictor(model, tokenizer, heads, 8).losses(TEXTS, None, name)
    assert (windowed_tokens == tokens).all() and not np.allclose(windowed_loss, loss)


@pytest.mark.parametrize("case", ["gpt2 answers", "t5 answers"])
def test_losses_of_targets_count_the_target_alone(case):
    base, heads = GENERATIVE_MODELS[case]
    model, tokenizer = build_model(base, heads)
    full = TorchPredictor(model, tokenizer, heads, 64)
    loss, tokens = full.losses(TEXTS, TEXTS[::-1])
    written = [len(ids) + 1 for ids in tokenizer(TEXTS[::-1], add_special_tokens=False)["input_ids"]]
    assert tokens.tolist() == written
    assert loss[3] == pytest.approx(full.losses(TEXTS[3:4], TEXTS[-4:-3])[0][0], rel=1e-4)
    assert loss[3] != pytest.approx(full.losses(TEXTS[4:5], TEXTS[-4:-3])[0][0], rel=1e-4)
