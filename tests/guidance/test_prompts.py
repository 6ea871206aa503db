from clipface_cli.guidance import SOURCE_PROMPT, is_sentence, target_sentence


def test_target_sentence() -> None:
    assert SOURCE_PROMPT == "A photo of a face"
    assert target_sentence("  Mona   Lisa ") == "A photo of a face that looks like Mona Lisa"
    assert target_sentence("zombie", "A PROMPT, seen from afar") == "A zombie, seen from afar"
    assert target_sentence("angry", "A photo of an angry face") == "A photo of an angry face"


def test_whole_sentences() -> None:
    assert is_sentence("a  Photo of an old man")
    assert not is_sentence("photo of an old man")
