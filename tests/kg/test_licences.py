"""Licences are known however they are written, and those that exclude one another are told."""

from __future__ import annotations

import pytest

from kg import licences
from kg.licences import UNKNOWN, conflicts, read

WRITTEN = {
    "CC0 1.0": ["CC0", "cc0-1.0", "CC-0", "cc-zero", "https://creativecommons.org/publicdomain/zero/1.0/",
                "http://publications.europa.eu/resource/authority/licence/CC0", "Creative Commons CC0 1.0 Universal"],
    "PDM 1.0": ["http://creativecommons.org/publicdomain/mark/1.0/", "PDM", "Public Domain Mark 1.0"],
    "PDDL 1.0": ["ODC-PDDL-1.0", "http://opendatacommons.org/licenses/pddl/1.0/"],
    "CC BY 4.0": [
        "https://creativecommons.org/licenses/by/4.0/", "http://creativecommons.org/licenses/by/4.0", "CC BY 4.0",
        "CC-BY-4.0", "cc_by_4.0", "CC-BY v4.0", "CC BY 4", "cc by (4.0)", "CC-BY 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/deed.fr", "https://creativecommons.org/licenses/by/4.0/legalcode",
        "Creative Commons Attribution 4.0 International", "Creative Commons Namensnennung 4.0",
        "Licence Creative Commons Paternité 4.0", "Creative Commons Reconocimiento 4.0 Internacional",
        "Creative Commons Attribuzione 4.0", "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0",
        "http://dcat-ap.de/def/licenses/cc-by/4.0", "https://spdx.org/licenses/CC-BY-4.0.html",
    ],
    "CC BY 3.0": ["https://creativecommons.org/licenses/by/3.0/de/", "CC BY 3.0 DE", "CC-BY-3.0"],
    "CC BY": ["cc-by", "CC BY", "Creative Commons Attribution", "http://www.opendefinition.org/licenses/cc-by"],
    "CC BY-SA 4.0": [
        "CC BY-SA 4.0", "CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/",
        "Creative Commons Attribution-ShareAlike 4.0",
        "Creative Commons Attribution - Partage dans les Mêmes Conditions 4.0",
        "Creative Commons Namensnennung – Weitergabe unter gleichen Bedingungen 4.0 International",
        "http://publications.europa.eu/resource/authority/licence/CC_BYSA_4_0", "cc by sa 4.0",
    ],
    "CC BY-SA": ["cc-by-sa"],
    "CC BY-NC 4.0": [
        "CC BY-NC 4.0", "Creative Commons Attribution-NonCommercial 4.0",
        "Creative Commons Attribution – Pas d’Utilisation Commerciale 4.0 International",
        "Creative Commons Namensnennung – Nicht kommerziell 4.0 International",
        "http://publications.europa.eu/resource/authority/licence/CC_BYNC_4_0",
    ],
    "CC BY-NC-SA 4.0": [
        "CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/", "cc by nc sa 4.0",
        "http://publications.europa.eu/resource/authority/licence/CC_BYNCSA_4_0",
    ],
    "CC BY-ND 4.0": ["CC BY-ND 4.0", "https://creativecommons.org/licenses/by-nd/4.0/"],
    "CC BY-NC-ND 4.0": ["CC BY-NC-ND 4.0", "http://publications.europa.eu/resource/authority/licence/CC_BYNCND_4_0"],
    "ODbL 1.0": ["ODbL", "ODbL-1.0", "odc-odbl", "Open Database License",
                 "Open Data Commons Open Database License (ODbL)", "http://opendatacommons.org/licenses/odbl/1.0/", "http://publications.europa.eu/resource/authority/licence/ODC_BL"],
    "ODC-By 1.0": ["ODC-By-1.0", "odc-by", "http://opendatacommons.org/licenses/by/1-0/"],
    "Licence Ouverte 1.0": ["Licence Ouverte 1.0", "etalab-1.0"],
    "Licence Ouverte 2.0": ["etalab-2.0", "Licence Ouverte / Open Licence version 2.0", "lov2", "fr-lo",
                            "https://www.etalab.gouv.fr/licence-ouverte-open-licence/", "Etalab"],
    "OGL UK 3.0": ["OGL", "OGL-UK-3.0", "Open Government Licence v3.0", "uk-ogl",
                   "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"],
    "OGL UK 2.0": ["OGL-UK-2.0", "http://www.nationalarchives.gov.uk/doc/open-government-licence/version/2/"],
    "dl-de/by-2-0": ["dl-de/by-2-0", "DL-DE-BY-2.0", "Datenlizenz Deutschland Namensnennung 2.0",
                     "https://www.govdata.de/dl-de/by-2-0", "http://dcat-ap.de/def/licenses/dl-by-de/2.0"],
    "dl-de/zero-2-0": ["DL-DE-ZERO-2.0", "Datenlizenz Deutschland – Zero – Version 2.0", "http://dcat-ap.de/def/licenses/dl-zero-de/2.0"],
    "IODL 1.0": ["IODL 1.0"],
    "IODL 2.0": ["IODL 2.0", "iodl2", "Italian Open Data License v2.0", "https://www.dati.gov.it/iodl/2.0/"],
    "NLOD 2.0": ["NLOD", "NLOD-2.0", "https://data.norge.no/nlod/no/2.0"],
    "NLOD 1.0": ["NLOD-1.0", "http://data.norge.no/nlod/no/1.0"],
    "Apache 2.0": ["Apache-2.0", "Apache License, Version 2.0", "http://www.apache.org/licenses/LICENSE-2.0",
                   "Facts compiled from public sources, each named in its row; Apache-2.0 as a compilation"],
    "EU reuse decision 2011/833": ["Commission Decision 2011/833/EU", "http://publications.europa.eu/resource/authority/licence/COM_REUSE"],
    "unknown": ["", "  ", "all rights reserved", "free", "CC", "see website", "by", "CC BY 4.0 or ODbL",
                "CC0 and CC BY-SA 4.0", "accbyte", "https://example.org/by/4.0/", "x" * 9000],
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_licence_is_known_however_it_is_written(name: str) -> None:
    assert {text: read(text).name for text in WRITTEN[name]} == dict.fromkeys(WRITTEN[name], name)


def test_each_licence_is_read_back_from_its_own_name_and_address() -> None:
    for licence in licences.KNOWN:
        assert read(licence.name) is licence, licence.name
        assert not licence.iri or read(licence.iri) is licence, licence.iri
        assert read(licence.iri.replace("https:", "http:")) is licence or not licence.iri
    assert read("CC BY 4.0").iri.endswith("authority/licence/CC_BY_4_0")
    assert read("CC BY-NC-SA 4.0").iri.endswith("authority/licence/CC_BYNCSA_4_0")
    assert read("cc by-nc-sa").asks == ("attribution", "share-alike", "non-commercial")


@pytest.mark.parametrize(
    ("together", "word"),
    [
        (("CC BY 4.0", "Etalab 2.0", "CC0", "OGL", "dl-de/by-2-0", "Apache-2.0"), ""),
        (("CC BY-SA 4.0", "CC BY 4.0", "CC BY-SA 3.0"), ""),
        (("CC BY-NC-SA 4.0", "CC BY-NC 4.0", "CC BY 4.0"), ""),
        (("ODbL", "IODL 1.0", "CC0"), ""),
        (("CC BY-SA 4.0", "IODL 1.0"), ""),
        (("CC BY-SA 4.0", "CC BY-NC-SA 4.0"), "want the whole"),
        (("ODbL", "CC BY-SA 4.0"), "want the whole"),
        (("ODbL", "IODL 1.0", "CC BY-SA 4.0"), "want the whole"),
        (("CC BY-SA 4.0", "CC BY-NC 4.0"), "forbids trade"),
        (("ODbL", "CC BY-NC 4.0"), "forbids trade"),
        (("CC BY-ND 4.0", "CC0"), "made of it with others"),
        (("house rules", "CC0"), "is not known"),
        (("CC BY-ND 4.0",), ""),
        (("house rules",), ""),
    ],
)
def test_what_may_be_put_together(together: tuple[str, ...], word: str) -> None:
    found = conflicts({f"s{number}": read(text) for number, text in enumerate(together)})
    assert bool(found) == bool(word)
    assert not word or word in found[0].reason


def test_commercial_use_needs_a_licence_that_allows_it() -> None:
    assert conflicts({"a": read("CC BY-SA 4.0")}, commercial=True) == []
    (barred,) = conflicts({"a": read("CC BY-NC 4.0")}, commercial=True)
    assert barred.sources == ("a",) and "forbids commercial use" in barred.reason
    (unsure,) = conflicts({"a": UNKNOWN}, commercial=True)
    assert "nothing known allows" in unsure.reason


def test_a_source_is_named_as_it_asks() -> None:
    said = licences.attribution("Firms", "ACME", "", "CC BY 4.0", "https://acme.example/")
    assert said == f"Firms, ACME – https://acme.example/ – CC BY 4.0 {read('CC BY 4.0').iri}"
    assert licences.attribution("Firms", "ACME", "© ACME 2026", "house rules") == "© ACME 2026 – house rules"
    assert licences.attribution("Firms", "", "", "") == "Firms – licence not stated"
    assert licences.result([read("CC BY-SA 4.0"), read("CC BY 4.0")]) == "CC BY-SA"
    assert licences.result([read("CC0")]) == "any licence"
