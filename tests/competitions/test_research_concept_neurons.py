"""Concept neurons: the network by hand, gradients, what an ablation does, lists that are refused, and what the paper found."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from mlebench.registry import Registry

from .folders import module

NAME = "research-concept-neurons"
ablation_effects, captioner, grade, pictures, planted_network, references, training, unit_choice, unit_rankings = (
    module(NAME, name)
    for name in (
        "ablation_effects", "captioner", "grade", "pictures", "planted_network", "references", "training", "unit_choice",
        "unit_rankings",
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One instance as it is prepared: what is public, what is private, and the answers."""
    folder = tmp_path_factory.mktemp(NAME)
    public, private = folder / "public", folder / "private"
    for part in (public, private):
        part.mkdir()
    competition = Registry(folder, split_key="a key of these tests").get_competition(NAME)
    competition.prepare_fn(folder, public, private)
    answers = grade.read_answers(private / "answers.csv")
    examples = references.read_examples(public, pd.read_csv(public / "sample_submission.csv"))
    return SimpleNamespace(public=public, answers=answers, private=answers["private"].iloc[0], examples=examples)


def effects_on_private_pictures(instance: Any, chooser: Any) -> np.ndarray:
    """Falls of every word (columns) when the units of every word (rows) are ablated."""
    choices = chooser(instance.examples, np.random.default_rng(0))
    return np.array([instance.private.effects.drops(ablation_effects.strength_of(choice)) for choice in choices])


def net_effects(instance: Any, chooser: Any) -> float:
    choices = chooser(instance.examples, np.random.default_rng(0))
    found = [
        ablation_effects.net_effect(instance.private.effects, place, choice, instance.private.substitutes)
        for place, choice in enumerate(choices)
    ]
    return float(np.mean(found))


def few(instance: Any, count: int = 5) -> Any:
    """The network with a few captioned pictures."""
    known = instance.examples.captioned
    return captioner.Captioned(known.network, known.patches[:count], known.captions[:count], known.means)


# -- the network


def test_the_network_computes_what_its_description_says(instance: Any) -> None:
    captioned = few(instance, 1)
    found = captioned.passed()
    w = {name: captioned.network[name] for name in captioner.ARRAYS}
    features = np.maximum(captioned.patches[0] @ w["encoder_weights"] + w["encoder_bias"], 0)
    tokens = [int(w["start_token"]), *captioned.captions[0, :3]]
    stream = np.concatenate([features @ w["adapter"] + w["adapter_bias"], w["token_embedding"][tokens]]) + w["position_embedding"]

    def read() -> np.ndarray:
        return np.array([row / np.sqrt(np.mean(row**2)) for row in stream])

    for block in range(3):
        s, change = read(), np.zeros_like(stream)
        for head in range(2):
            query, key, value = (s @ w[name][block, head] for name in ("query", "key", "value"))
            for position in range(8):
                scores = np.exp(key[: position + 1] @ query[position] / np.sqrt(32))
                change[position] += scores / scores.sum() @ value[: position + 1] @ w["output"][block, head]
        stream = stream + change
        active = np.maximum(read() @ w["unit_input"][block] + w["unit_bias"][block], 0)
        assert found.units[block][0] == pytest.approx(active[4:] if block == 2 else active)
        stream = stream + active @ w["unit_output"][block]
    assert found.logits[0] == pytest.approx((read() @ w["unembedding"])[4:])


def test_gradients_by_units_are_those_of_differences(instance: Any) -> None:
    """Also where other units are ablated, and pass on nothing."""
    captioned = few(instance)
    strength = np.zeros((captioner.BLOCKS, captioner.UNITS))
    strength[:, :40] = 0.6
    found = captioned.passed(strength)
    by_logits = np.zeros_like(found.logits)
    by_logits[..., 3] = 1
    slopes = found.slopes(by_logits, strength)
    for block in range(captioner.BLOCKS):
        unit = 40 + int(np.abs(slopes[block][..., 40:]).sum(axis=(0, 1)).argmax())
        # a bit of an ablation moves the activation by that bit of its way to the mean
        way = captioned.means[block][:, unit] - found.units[block][..., unit]
        values = []
        for share in (-1e-5, 1e-5):
            more = strength.copy()
            more[block, unit] = share
            values.append(captioned.passed(more).logits[..., 3].sum())
        assert (slopes[block][..., unit] * way).sum() == pytest.approx((values[1] - values[0]) / 2e-5, rel=1e-3, abs=1e-6)


def test_gradients_by_weights_are_those_of_differences(instance: Any) -> None:
    captioned = few(instance)
    arrays = dict(captioned.network.arrays)

    def loss(name: str, place: tuple[int, ...], step: float) -> float:
        moved = arrays[name].copy()
        moved[place] += step
        network = captioner.Captioner({**arrays, name: moved})
        return -float(np.log(captioner.Captioned(network, captioned.patches, captioned.captions).word_probabilities()).mean())

    for name, gradient in zip(("unit_input", "unit_output"), training.unit_gradients(captioned), strict=True):
        for block in range(captioner.BLOCKS):
            place = (block, *np.unravel_index(np.abs(gradient[block]).argmax(), gradient[block].shape))
            slope = (loss(name, place, 1e-6) - loss(name, place, -1e-6)) / 2e-6
            assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-7)


def test_units_held_at_their_mean_do_not_follow_the_picture(instance: Any) -> None:
    captioned = few(instance)
    strength = np.zeros((captioner.BLOCKS, captioner.UNITS))
    strength[:, 7], strength[:, 8] = 1, 0.25
    free, held = captioned.passed().units, captioned.passed(strength).units
    for block in range(captioner.BLOCKS):
        assert held[block][..., 7] == pytest.approx(np.broadcast_to(captioned.means[block][:, 7], held[block].shape[:2]))
    assert held[0][..., 8] == pytest.approx(0.75 * free[0][..., 8] + 0.25 * captioned.means[0][:, 8])


# -- the measure and the cells


def test_the_specific_drop_counts_the_most_harmed_other_word() -> None:
    assert ablation_effects.specific_drop(np.array([0.1, 0.5, 0.3]), 1) == pytest.approx(0.2)
    assert ablation_effects.specific_drop(np.array([-0.1, 0.5, -0.3]), 1) == pytest.approx(0.5)


def test_drops_are_means_over_the_occurrences_of_a_word(instance: Any) -> None:
    effects = instance.private.effects
    strength = ablation_effects.strength_of(unit_choice.Choice(np.array([1, 2]), np.array([3, 4]), np.array([1.0, 0.5])))
    fall = effects.captioned.word_probabilities() - effects.captioned.word_probabilities(strength)
    expected = [fall[effects.captioned.captions == word].mean() for word in effects.words]
    assert effects.drops(strength) == pytest.approx(np.array(expected))


def test_substitutes_are_other_units_that_are_about_as_active(instance: Any) -> None:
    others = instance.private.substitutes
    size = [np.sqrt((active**2).mean(axis=(0, 1))) for active in instance.private.effects.captioned.passed().units]
    for block in range(captioner.BLOCKS):
        # silent units are equally active
        rank = size[block].argsort(kind="stable").argsort()
        assert (np.abs(rank[others[block]] - rank[:, None]) <= 8).all()
        assert (others[block] != np.arange(captioner.UNITS)[:, None]).all()


def test_the_graders_own_units_score_one_units_with_weight_zero_nothing(instance: Any) -> None:
    best = instance.answers[["row_id", "block", "unit", "weight"]]
    assert grade.grader.score(best, instance.answers) == pytest.approx(1)
    assert grade.grader.score(best.assign(weight=0), instance.answers) == 0


def test_a_unit_may_stand_once_under_a_word(instance: Any) -> None:
    sample = pd.read_csv(instance.public / "sample_submission.csv")
    sample.loc[1, "unit"] = sample.loc[0, "unit"]
    with pytest.raises(InvalidSubmission, match="1 row repeats a unit of its word"):
        grade.grader.check(sample, instance.answers)
    # under another word it may
    sample.loc[1, ["block", "unit"]] = sample.loc[12, ["block", "unit"]] + [1, 0]
    grade.grader.check(sample, instance.answers)


# -- what is public says nothing about which units were planted


def test_weights_of_all_units_have_one_norm(instance: Any) -> None:
    network = instance.examples.network
    for name, axis in (("unit_input", 1), ("unit_output", 2)):
        norms = np.linalg.norm(network[name], axis=axis)
        assert norms.max() / norms.min() == pytest.approx(1, abs=1e-5)


def test_neither_numbers_nor_biases_of_units_say_which_are_the_graders(instance: Any) -> None:
    chosen = np.zeros((captioner.BLOCKS, captioner.UNITS), dtype=bool)
    chosen[instance.answers["block"], instance.answers["unit"]] = True
    bias = instance.examples.network["unit_bias"]
    number = np.broadcast_to(np.arange(captioner.UNITS), chosen.shape)
    # about 100 of 384 units: a correlation by chance has a standard deviation of 0.05
    for public in (bias, number):
        assert abs(np.corrcoef(public.ravel(), chosen.ravel())[0, 1]) < 0.2


# -- what the paper found


def test_units_by_attribution_lower_their_word_far_more_than_random_ones_and_other_words_little(instance: Any) -> None:
    published = unit_rankings.by_rank(partial(unit_rankings.attribution, centred=False, of_logit=True))
    by_attribution = effects_on_private_pictures(instance, published)
    at_random = effects_on_private_pictures(instance, unit_rankings.by_rank(unit_rankings.at_random))
    own, other = np.diag(by_attribution), by_attribution[~np.eye(len(by_attribution), dtype=bool)]
    assert own.mean() > 0.3
    assert own.mean() > 10 * abs(np.diag(at_random).mean())
    assert own.mean() > 10 * abs(other.mean())


def test_outputs_of_the_adapter_do_not_read_as_words_and_the_stream_after_the_blocks_does(instance: Any) -> None:
    network, private = instance.examples.network, instance.private.effects.captioned
    words = instance.examples.words
    read = captioner.normalised(network.prompt(private.patches))[0] @ network["unembedding"][:, words]
    before = (words[read.argmax(axis=-1)] == private.captions).mean()
    after = (private.passed().logits.argmax(axis=-1) == private.captions).mean()
    # chance is 1/12; a few of twelve fixed directions may fall on a word's
    assert before < 0.3 and after > 0.9
    # yet the figure is there: the nearest mean output names it
    prompts = network.prompt(private.patches)
    centres = np.array([prompts[private.captions == word].mean(axis=0) for word in words])
    nearest = ((prompts[..., None, :] - centres) ** 2).sum(axis=-1).argmin(axis=-1)
    assert (words[nearest] == private.captions).mean() > 0.9


def test_what_a_unit_does_is_not_what_it_writes_or_how_active_it_is(instance: Any) -> None:
    """Each step towards the causal question helps; units that step in for ablated ones show only when the set is ablated."""
    by_rank = unit_rankings.by_rank
    rules = [
        by_rank(unit_rankings.mean_activation),
        by_rank(unit_rankings.logit_lens),
        by_rank(partial(unit_rankings.attribution, of_logit=True)),
        unit_rankings.repeated_attribution,
    ]
    effects = [net_effects(instance, rule) for rule in rules]
    assert effects == sorted(effects)
    assert effects[-1] > effects[-2] + 0.05


def test_two_keys_draw_two_networks_whose_units_share_nothing(instance: Any, tmp_path: Path) -> None:
    competition = Registry(tmp_path, split_key="another key").get_competition(NAME)
    competition.prepare_fn(tmp_path, tmp_path, tmp_path)
    other = pd.read_csv(tmp_path / "answers.csv")
    assert other["row_id"].tolist() != instance.answers["row_id"].tolist()
    as_here = instance.answers.assign(block=other["block"], unit=other["unit"], weight=other["weight"])
    assert abs(grade.grader.score(as_here[["row_id", "block", "unit", "weight"]], instance.answers)) < 0.15
