"""Objects as JSON: what is shown can be given, and says the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipregistrant.api.shapes import PLACES, shape_of, text_of
from sipregistrant.api.words import is_switch, words_of
from sipregistrant.model.attributes import Attribute, Kind, Value
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.resource import Resource


def values_for(attribute: Attribute) -> st.SearchStrategy[Value]:
    if attribute.kind is Kind.ENUM:
        return st.sampled_from(sorted(attribute.labels))
    if attribute.is_number:
        return st.integers(attribute.lowest, attribute.highest)
    return st.sampled_from(["", "a", "b c", "ü", "0"])


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda resource: resource.name)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_is_shown_says_the_same_when_it_is_given(resource: Resource, data: st.DataObject) -> None:
    shape = shape_of(resource)
    open_to_see = [a for a in resource.stored if a.kind is not Kind.SECRET]
    values = {a.name: data.draw(values_for(a)) for a in open_to_see}
    shown = json.loads(json.dumps(shape.to_json(values)))
    read = shape.read(shown)
    assert read.faults == []
    assert read.form == {name: "" if value is None else str(value) for name, value in values.items()}
    flat = shape.read_line({shape.column_of(a.name): text_of(a, values[a.name]) for a in open_to_see})
    assert (flat.form, flat.faults) == (read.form, [])


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda resource: resource.name)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_no_json_raises(resource: Resource, data: st.DataObject) -> None:
    shape = shape_of(resource)
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uri", "q", "ttl", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
    names = st.sampled_from([*shape.fields, "contacts", "x", ""])
    body = data.draw(st.dictionaries(names, anything, max_size=5))
    for read in (shape.read(body), shape.read_line(body)):
        assert all(isinstance(field, str) and problem for field, problem in shape.faults(read))


def test_the_words_of_an_attribute_differ_and_can_be_typed() -> None:
    for resource in RESOURCES.values():
        for attribute in resource.attributes:
            if attribute.kind is Kind.ENUM and not is_switch(attribute):
                words = list(words_of(attribute).values())
                assert len(set(words)) == len(words)
                assert all(word.replace("_", "a").isalnum() and word == word.lower() for word in words), words
                assert not any(word.isdigit() for word in words)


def test_the_names_are_those_of_the_columns() -> None:
    for place in PLACES.values():
        for name, attribute in shape_of(place.resource).fields.items():
            assert name == "password" or name == attribute.column
