"""Identifiers are read and checked as registers write them; names are taken apart; damaged catalogues are made anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.identity.blocking import Catalogue
from kg.identity.identifiers import read, shown
from kg.identity.linkage import NEVER, REVIEW, SAME, Comparison, compare
from kg.identity.profiles import Profile, from_bytes, host, to_bytes
from kg.model import Actor
from kg.names import telling, town
from kg.similarity import overlap
from tests.kg.identity.world import profile

REGISTERED = [
    ("732 829 320", "FR", "fr:siren:732829320"),
    ("73282932000074", "FR", "fr:siren:732829320"),
    ("SIREN: 752772426", "FR", "fr:siren:752772426"),
    ("833 781 073 RCS Vesoul", "FR", "fr:siren:833781073"),
    ("siret:73282932000074", "", "fr:siren:732829320"),
    ("A/81638108", "ES", "es:nif:A81638108"),
    ("CIF A-28058386", "ES", "es:nif:A28058386"),
    ("Codice Fiscale 00787010586 - P.Iva 00931311005", "IT", "it:cf:00787010586"),
    ("REGON: 017007960", "PL", "pl:regon:017007960"),
    ("KRS 0000109164", "PL", "pl:krs:0000109164"),
    ("949-146-28-25", "PL", "pl:nip:9491462825"),
    ("HRB 10018 Amtsgericht München", "DE", "de:register:HRB 10018 münchen"),
    ("24000504", "NL", "nl:kvk:24000504"),
    ("0403.170.701", "BE", "be:cbe:0403170701"),
    ("503231100", "PT", "pt:nipc:503231100"),
    ("8955860", "RO", "ro:cui:8955860"),
    ("49682563", "CZ", "cz:ico:49682563"),
    ("2311110-9", "FI", "fi:ytunnus:23111109"),
    ("556185-2103", "SE", "se:orgnr:5561852103"),
    ("910209205", "NO", "no:orgnr:910209205"),
    ("96111821885", "HR", "hr:oib:96111821885"),
    ("company registration number 735040", "GB", "gb:company:00735040"),
    ("FN 248742 y", "AT", "at:fn:248742y"),
    ("5493006MHB84DD0ZWV18", "DE", "world:lei:5493006MHB84DD0ZWV18"),
]
NOTHING = [
    *[("000000000", "FR"), ("n/a", "FR"), ("***8165**", "ES"), ("1", "US"), ("123456789", "FR"), ("99999999", "NL")],
    *[("732829321", "FR"), ("73282932000075", "FR"), ("HRB 10018", "DE"), ("Galati", "RO"), ("", "FR"), ("1122", "")],
    *[("441414-1170", "FR"), ("Passport no.: G04298461", "DE"), ("\x00\u202e", "FR"), ("9" * 10_000, "FR")],
]


@pytest.mark.parametrize(("text", "country", "number"), REGISTERED, ids=str)
def test_a_number_is_read_and_checked(text: str, country: str, number: str) -> None:
    found = read([text], country)
    assert found.registered == {number}, found
    assert shown(number)


@pytest.mark.parametrize(("text", "country"), NOTHING, ids=lambda found: str(found)[:20])
def test_a_wrong_number_or_a_placeholder_is_no_identifier(text: str, country: str) -> None:
    found = read([text], country)
    assert not found.registered | found.vat | found.implied
    assert found.faults or not text


@pytest.mark.parametrize(
    ("text", "country", "implied"),
    [
        ("FR72306926353", "FR", "fr:siren:306926353"),
        ("RO 8955860", "RO", "ro:cui:8955860"),
        ("P.IVA 02340750153", "IT", "it:cf:02340750153"),
        ("NO985377189 MVA", "NO", "no:orgnr:985377189"),
        ("GB287461957", "GB", ""),
        ("DE811239341", "DE", ""),
    ],
)
def test_a_vat_number_is_known_and_registers_nobody(text: str, country: str, implied: str) -> None:
    found = read([text], country)
    assert not found.registered and len(found.vat) == 1
    assert found.implied == ({implied} if implied else set())


@given(st.text(max_size=60), st.sampled_from(["", "FR", "DE", "IT", "PL", "GB", "XX"]))
def test_no_text_breaks_the_reading(text: str, country: str) -> None:
    found = read([text], country)
    assert all(number.count(":") >= 2 for number in found.registered | found.vat | found.implied)
    taken = telling(text)
    assert taken.plain == "".join(taken.words)
    town(text)
    host(text)


SAME_NAMES = [
    ("ERA Spółka z ograniczoną odpowiedzialnością", "Era Sp. z o.o."),
    ("Huracán Producciones Artísticas, S. L.", "HURACAN PRODUCCIONES ARTISTICAS SL"),
    ("MOM Magyar Optikai Művek Zártkörűen Működő Részvénytársaság", "MOM Magyar Optikai Művek Zrt."),
    ("Amand Bau GmbH & Co. KG", "Amand Bau GmbH und Co KG"),
    ("МУЛТИПЛЕКС ИНЖЕНЕРИНГ ЕООД", "Multipleks Inzhenering EOOD"),
    ("SERIS KONSALNET OCHRONA Sp. z o. o. (Lider Konsorcjum)", "Seris Konsalnet Ochrona Sp. z o.o."),
    ("Rio Cabs", "Riocabs"),
]


@pytest.mark.parametrize(("one", "other"), SAME_NAMES)
def test_spellings_of_one_name_are_one(one: str, other: str) -> None:
    left, right = telling(one), telling(other)
    assert overlap(left, right, lambda word: 1.0).share == 1.0
    assert left.forms == right.forms


def crowded(*actors: Actor) -> tuple[list[Profile], Catalogue]:
    """The actors among some hundreds of others."""
    others = [firm(f"Borealis {n:x} Works", id=f"o{n}", city=f"Town {n}") for n in range(300)]
    catalogue = Catalogue.empty()
    catalogue.changed(map(profile, [*actors, *others]), (), 1)
    return [profile(actor) for actor in actors], catalogue


def firm(name: str, id: str = "a", **more: object) -> Actor:
    told = {"country": "FR", "city": "Lyon", **more}
    return Actor(f"https://w3id.org/filiere/id/s/actor/{id}", "s", id, name, **told)  # type: ignore[arg-type]


def judged(one: Actor, other: Actor) -> Comparison:
    (left, right), catalogue = crowded(one, other)
    found = compare(left, right, catalogue)
    back = compare(right, left, catalogue)
    assert (found.verdict, found.probability) == (back.verdict, back.probability)
    return found


def test_what_merges_and_what_never_does() -> None:
    gel = firm("Laboratoires Anios SAS", identifiers=("732829320",))
    assert judged(gel, firm("Ecolab France", "b", city="Paris", identifiers=("73282932000074",))).verdict == SAME
    assert judged(gel, firm("Laboratoires Anios SAS", "b", identifiers=("404833048",))).verdict == NEVER
    assert judged(gel, firm("LABORATOIRES ANIOS", "b")).verdict == SAME
    assert judged(gel, firm("Laboratoires Anios SARL", "b")).verdict == REVIEW, "another legal form"
    assert judged(gel, firm("Laboratoires Anios", "b", city="Lille")).verdict == REVIEW, "another town"
    assert judged(gel, firm("Laboratoires Anios", "b", country="BE")).verdict != SAME, "another country"


def test_a_vat_number_or_a_site_alone_never_merges() -> None:
    one = firm("Alliance Healthcare", country="RO", identifiers=("RO 8955860",), website="https://farmexpert.ro")
    other = firm("Farmexpert", "b", country="RO", identifiers=("RO 8955860",), website="http://www.farmexpert.ro/x")
    assert judged(one, other).verdict == REVIEW
    assert "VAT RO8955860" in " ".join(judged(one, other).because)
    assert judged(firm("Alpha", website="https://a.fr"), firm("Borealis", "b", website="https://a.fr")).verdict != SAME


def test_a_wrong_number_or_two_of_one_register_never_merge() -> None:
    wrong = judged(firm("Alpha Systems", identifiers=("732829321",)), firm("Zeta", "b", identifiers=("732829321",)))
    assert wrong.verdict not in (SAME, NEVER)
    both = firm("Consortium", identifiers=("732829320", "404833048"))
    assert judged(both, firm("Anios", "b", identifiers=("732829320",))).verdict == REVIEW


def test_a_number_under_many_names_is_for_a_person() -> None:
    names = ("Alpha", "Borea", "Gamma", "Deltas", "Epsilon", "Zetas")
    many = [firm(name, name, city=f"T{name}", identifiers=("732829320",)) for name in names]
    found, catalogue = crowded(*many)
    assert {compare(found[0], other, catalogue).verdict for other in found[1:]} == {REVIEW}


def test_a_catalogue_is_kept_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    actors = [firm("Élan Gel SA", "a", identifiers=("732829320",), website="https://e.fr"), firm("Elan Gel", "b")]
    found, catalogue = crowded(*actors)
    assert [from_bytes(to_bytes(one)) for one in found] == found
    path = tmp_path / "identity.npz"
    catalogue.write(path)
    again = Catalogue.read(path)
    assert again is not None and again.seq == Catalogue.seq_in(path) == 1
    assert again.pairs().tolist() == catalogue.pairs().tolist()
    assert again.pairs([0]).tolist() == [pair for pair in catalogue.pairs().tolist() if 0 in pair]
    number = again.find(actors[0].iri)
    assert number is not None and again.profile(number) == found[0]
    again.changed([found[1]], [actors[0].iri], 2)
    assert again.find(actors[0].iri) is None and len(again) == len(catalogue) - 1 and again.dead == 2
    again.write(tmp_path / "after.npz")
    assert actors[0].iri.encode() + b'"' in path.read_bytes()
    assert actors[0].iri.encode() + b'"' not in (tmp_path / "after.npz").read_bytes(), "nothing is left of who is gone"
    for harm in (b"", path.read_bytes()[:-400], path.read_bytes().replace(b"anios", b"anioz")[:300]):
        path.write_bytes(harm)
        assert Catalogue.read(path) is None
        assert Catalogue.seq_in(path) == 0
    assert Catalogue.read(tmp_path / "none") is None
