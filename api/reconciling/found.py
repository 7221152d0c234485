"""What is offered for a query: candidates with a score of 0 to 100, the features behind it, and whether it is sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kg import vocabulary as v
from kg.model import ACTOR_KINDS, COMPETENCY_KINDS

ACTOR, COMPETENCY = "actor", "competency"
_AN_ACTOR = "Whoever makes, supplies or does something."
# id → (English, French, what it is, the type above it)
TYPES: dict[str, tuple[str, str, str, str]] = {
    ACTOR: ("Actor", "Acteur", _AN_ACTOR, ""),
    "firm": ("Firm", "Entreprise", "A firm, or a site of one.", ACTOR),
    "cluster": ("Cluster", "Pôle ou cluster", "A cluster that firms and laboratories are members of.", ACTOR),
    "lab": ("Laboratory", "Laboratoire", "A laboratory, university or research centre.", ACTOR),
    "association": ("Association", "Association", "An association, foundation or network.", ACTOR),
    "public": ("Public body", "Organisme public", "A public body: a hospital, an agency, a region.", ACTOR),
    COMPETENCY: ("Competency", "Compétence", "A product, process, material, service …, or a code for one.", ""),
    "product": ("Product", "Produit", "Something that is made.", COMPETENCY),
    "material": ("Material", "Matériau", "Something that products are made of.", COMPETENCY),
    "process": ("Process", "Procédé", "A way of making things.", COMPETENCY),
    "service": ("Service", "Service", "Something that is done for others.", COMPETENCY),
    "equipment": ("Equipment", "Équipement", "A machine or tool to make things with.", COMPETENCY),
    "standard": ("Standard", "Norme", "A standard, certificate or test.", COMPETENCY),
    "value-chain": ("Value chain", "Chaîne de valeur", "A chain of those who make something together.", COMPETENCY),
}
assert set(TYPES) == {ACTOR, COMPETENCY, *ACTOR_KINDS, *COMPETENCY_KINDS}
_CLASSES = {v.NS + "Actor": ACTOR, v.NS + "Competency": COMPETENCY, "public-body": "public", "publicbody": "public"}
_CLASSES |= {cls: kind for kind, cls in (v.ACTOR_CLASSES | v.COMPETENCY_CLASSES).items()}


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that speaks for or against a candidate."""

    id: str
    value: float | bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity that a query may mean; `score` 0 to 100, `match` when it is sure."""

    id: str
    name: str
    description: str
    types: tuple[str, ...]
    score: float
    features: tuple[Feature, ...] = ()
    match: bool = False
    lang: str = ""


# id → (English, French)
FEATURES: dict[str, tuple[str, str]] = {
    "id": ("The identifier itself", "L'identifiant même"),
    "name": ("Likeness of the names, 0 to 100", "Ressemblance des noms, de 0 à 100"),
    "same_name": ("The same name but for case, accents, legal form", "Même nom, sauf casse, accents, forme juridique"),
    "namesakes": ("Others of the same name", "Autres du même nom"),
    "type": ("Has a type asked for", "A un type demandé"),
    "country": ("Country, 0 to 1", "Pays, de 0 à 1"),
    "city": ("City, 0 to 1", "Ville, de 0 à 1"),
    "nuts": ("Region (NUTS), 0 to 1", "Région (NUTS), de 0 à 1"),
    "website": ("Website, 0 to 1", "Site, de 0 à 1"),
    "identifiers": ("Registered identifier, 0 to 1", "Identifiant enregistré, de 0 à 1"),
    "clusters": ("Cluster, 0 to 1", "Pôle, de 0 à 1"),
    "kind": ("Kind, 0 to 1", "Type, de 0 à 1"),
    "size": ("Size, 0 to 1", "Taille, de 0 à 1"),
    "source": ("Source, 0 to 1", "Source, de 0 à 1"),
    "label": ("Likeness to a label, 0 to 100", "Ressemblance avec un libellé, de 0 à 100"),
    "same_label": ("The very label", "Le libellé même"),
    "meaning": ("Nearness of meaning, 0 to 100", "Proximité de sens, de 0 à 100"),
    "notation": ("Its code, 0 to 1", "Son code, de 0 à 1"),
    "scheme": ("Its scheme, 0 to 1", "Son schéma, de 0 à 1"),
}  # fmt: skip


def known_type(name: str) -> str:
    """The id of a type, given so, as its class, or as `fil:Firm`; "" for one there is not."""
    name = name.strip()
    if name.startswith("fil:"):
        name = v.NS + name[4:]
    found = _CLASSES.get(name) or name.casefold().replace("_", "-")
    return found if found in TYPES else _CLASSES.get(found, "")


def allowed(types: Sequence[str], above: str) -> set[str] | None:
    """The kinds below `above` that the types ask for; None for all of them, an empty set for none."""
    if not types:
        return None
    known = {known_type(name) for name in types}
    if above in known:
        return None
    return {kind for kind in known if kind and TYPES[kind][3] == above}


def best(candidates: Sequence[Candidate], limit: int) -> list[Candidate]:
    """The best candidates first; of two that both are sure neither is."""
    ordered = sorted(candidates, key=lambda found: (-found.score, found.name, found.id))
    if sum(found.match for found in ordered) > 1:
        ordered = [replace(found, match=False) for found in ordered]
    return ordered[:limit]
