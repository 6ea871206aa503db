import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance, target_sentence
from clipface_cli.guidance.peoples import without_peoples


@pytest.fixture(scope="module", params=["builtin", "evaluator"])
def guidance(request):
    return load_guidance(request.param)


@pytest.mark.parametrize(
    ("prompt", "rest", "unread"),
    [
        ("young asian woman with blue eyes", "young woman with blue eyes", ["asian"]),
        ("old african man with white beard", "old man with white beard", ["african"]),
        ("middle-aged Indian man", "middle-aged man", ["Indian"]),
        ("a Mexican girl's smile", "a girl's smile", ["Mexican"]),
        ("African-American woman", "woman", ["African-American"]),
        ("a young Irishwoman of asian descent", "a young woman", ["Irish", "asian"]),
        ("a woman from the Ivory Coast", "a woman", ["Ivory Coast"]),
        ("a Māori from Côte d’Ivoire", "a", ["Maori", "Cote d'Ivoire"]),
        ("Polish man, laughing Germans", "man, laughing", ["Polish", "German"]),
        ("half-Japanese jewish lady", "half- lady", ["Japanese", "jewish"]),
    ],
)
def test_words_for_peoples_are_left_out(prompt, rest, unread):
    assert without_peoples(prompt) == (rest, tuple(unread))


@pytest.mark.parametrize(
    "prompt",
    [
        "Mona Lisa",
        "Dracula",
        "american gothic",
        "Han Solo",
        "Indiana Jones",
        "nail polish",
        "fat as a turkey",
        "a black man with white hair and brown skin",
        "seen from afar",
        "a romanesque manmade statue",
    ],
)
def test_other_words_stay(prompt):
    assert without_peoples(prompt) == (prompt, ())


@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("young asian woman", "young woman"),
        ("old african man with white beard", "old man with white beard"),
        ("middle-aged indian man", "middle-aged man"),
        ("mexican girl", "girl"),
        ("a Frenchman", "a man"),
    ],
)
def test_they_do_not_change_the_embedding(guidance, prompt, same):
    for one, other in ((prompt, same), (target_sentence(prompt), target_sentence(same))):
        assert torch.equal(guidance.encode_text([one]), guidance.encode_text([other]))


def test_no_other_word_is_taken_for_a_people(guidance):
    assert not any(without_peoples(concept)[1] for concept in guidance.concepts)
    assert guidance.understood("bengal urdu").unknown[:1] == ("bengal",)


def test_they_are_reported(guidance):
    coverage = guidance.understood("Nigerian woman with red lips")
    assert coverage.unread == ("Nigerian",)
    assert coverage.understood == ("woman", "red", "lips")
    assert (coverage.warning() or "").startswith(
        '"Nigerian" is not read: the embedded model paints no peoples; describe skin, hair and'
    )


@pytest.mark.parametrize("prompt", ["asian", "an asian face", "looks like a German"])
def test_a_prompt_of_nothing_else_is_refused(guidance, prompt):
    with pytest.raises(InputError, match=r"paints no peoples.*describe skin"):
        guidance.encode_text([target_sentence(prompt)])
