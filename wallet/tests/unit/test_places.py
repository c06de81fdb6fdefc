import pytest

from wallet.web.places import Places
from wallet.web.problems import Problem


def test_no_more_places_are_taken_than_there_are():
    """The next one is told so, until one is given back."""
    places = Places(2, "Too many.")
    first, _second = places.place(), places.place()
    with pytest.raises(Problem) as refused:
        places.place()
    assert refused.value.body()["status"] == 503
    assert refused.value.body()["detail"] == "Too many."
    assert refused.value.headers == {"Retry-After": "1", "Connection": "close"}
    first.give_back()
    first.give_back()
    third = places.place()
    with pytest.raises(Problem):
        places.place()
    third.give_back()


def test_a_place_that_is_forgotten_is_given_back():
    """Whatever went wrong with the answer that held it."""
    places = Places(1, "Too many.")
    for _ in range(3):
        places.place()
    held = places.place()
    with pytest.raises(Problem):
        places.place()
    held.give_back()
    places.place()
