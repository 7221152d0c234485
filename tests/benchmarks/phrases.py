"""What the synthetic actors say in ten languages, and how firms and buyers are called where these are spoken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """The sentences of one language: {a} and {b} are competencies, {n} a number, {city} a town, {buyer} a buyer."""

    titles: tuple[str, ...]
    lots: tuple[str, ...]
    more: tuple[str, ...]
    houses: tuple[str, ...]  # what a firm says of itself
    buyers: tuple[str, ...]


TONGUES = {
    "en": Tongue(
        (
            "Supply of {a}",
            "Framework agreement for {a}",
            "{a}: delivery and installation",
            "Purchase of {a} for {city}",
        ),
        ("Lot {n}: {a} and {b}.", "Delivery of {n} units of {a}.", "Provision of {a}, with an option on {b}."),
        ("The contract runs for {n} months.", "Delivery within {n} days of each order.", "Maintenance is included."),
        (
            "We have been making {a} since {year}.",
            "A family firm from {city}: {a}, {b}.",
            "Specialists in {a} and {b}.",
        ),
        ("City of {city}", "{city} University Hospital", "{city} County Council"),
    ),
    "fr": Tongue(
        ("Fourniture de {a}", "Accord-cadre : {a}", "{a} : livraison et mise en service", "Achat de {a} pour {city}"),
        ("Lot n° {n} : {a} et {b}.", "Livraison de {n} unités, {a}.", "Marché de {a}, avec option sur {b}."),
        ("Le marché dure {n} mois.", "Livraison sous {n} jours après commande.", "La maintenance est comprise."),
        (
            "Nous fabriquons depuis {year} : {a}.",
            "Entreprise familiale à {city} : {a}, {b}.",
            "Spécialiste : {a}, {b}.",
        ),
        ("Ville de {city}", "Centre hospitalier de {city}", "Communauté d'agglomération de {city}"),
    ),
    "de": Tongue(
        ("Lieferung von {a}", "Rahmenvertrag {a}", "{a}: Lieferung und Montage", "Beschaffung {a} für {city}"),
        ("Los {n}: {a} und {b}.", "Lieferung von {n} Stück {a}.", "Leistungen: {a}, optional {b}."),
        ("Die Laufzeit beträgt {n} Monate.", "Lieferung binnen {n} Tagen nach Abruf.", "Die Wartung ist enthalten."),
        ("Seit {year} stellen wir her: {a}.", "Familienbetrieb aus {city}: {a}, {b}.", "Spezialist für {a} und {b}."),
        ("Stadt {city}", "Klinikum {city}", "Landkreis {city}"),
    ),
    "es": Tongue(
        ("Suministro de {a}", "Acuerdo marco: {a}", "{a}: entrega e instalación", "Adquisición de {a} para {city}"),
        ("Lote {n}: {a} y {b}.", "Entrega de {n} unidades de {a}.", "Contrato de {a}, con opción a {b}."),
        ("El contrato dura {n} meses.", "Entrega en {n} días desde el pedido.", "Incluye el mantenimiento."),
        ("Fabricamos desde {year}: {a}.", "Empresa familiar de {city}: {a}, {b}.", "Especialistas en {a} y {b}."),
        ("Ayuntamiento de {city}", "Hospital General de {city}", "Diputación de {city}"),
    ),
    "it": Tongue(
        ("Fornitura di {a}", "Accordo quadro: {a}", "{a}: consegna e installazione", "Acquisto di {a} per {city}"),
        ("Lotto {n}: {a} e {b}.", "Consegna di {n} unità, {a}.", "Servizio di {a}, con opzione per {b}."),
        ("L'appalto dura {n} mesi.", "Consegna entro {n} giorni dall'ordine.", "La manutenzione è compresa."),
        ("Dal {year} produciamo {a}.", "Impresa familiare di {city}: {a}, {b}.", "Specialisti in {a} e {b}."),
        ("Comune di {city}", "Azienda ospedaliera di {city}", "Provincia di {city}"),
    ),
    "nl": Tongue(
        ("Levering van {a}", "Raamovereenkomst {a}", "{a}: levering en installatie", "Aankoop van {a} voor {city}"),
        ("Perceel {n}: {a} en {b}.", "Levering van {n} stuks {a}.", "Opdracht voor {a}, met optie op {b}."),
        ("De looptijd is {n} maanden.", "Levering binnen {n} dagen na bestelling.", "Onderhoud is inbegrepen."),
        ("Sinds {year} maken wij {a}.", "Familiebedrijf uit {city}: {a}, {b}.", "Specialist in {a} en {b}."),
        ("Gemeente {city}", "Ziekenhuis {city}", "Waterschap {city}"),
    ),
    "pl": Tongue(
        ("Dostawa: {a}", "Umowa ramowa: {a}", "{a}: dostawa i montaż", "Zakup dla miasta {city}: {a}"),
        ("Część {n}: {a} oraz {b}.", "Dostawa {n} sztuk: {a}.", "Przedmiot zamówienia: {a}, opcja: {b}."),
        ("Umowa trwa {n} miesięcy.", "Dostawa w ciągu {n} dni od zamówienia.", "W cenie jest konserwacja."),
        ("Od {year} produkujemy: {a}.", "Firma rodzinna z miasta {city}: {a}, {b}.", "Specjalizujemy się: {a}, {b}."),
        ("Gmina {city}", "Szpital Wojewódzki {city}", "Powiat {city}"),
    ),
    "pt": Tongue(
        ("Fornecimento de {a}", "Acordo-quadro: {a}", "{a}: entrega e instalação", "Aquisição de {a} para {city}"),
        ("Lote {n}: {a} e {b}.", "Entrega de {n} unidades de {a}.", "Contrato de {a}, com opção de {b}."),
        ("O contrato dura {n} meses.", "Entrega em {n} dias após a encomenda.", "Inclui a manutenção."),
        ("Desde {year} fabricamos {a}.", "Empresa familiar de {city}: {a}, {b}.", "Especialistas em {a} e {b}."),
        ("Município de {city}", "Centro Hospitalar de {city}", "Junta de Freguesia de {city}"),
    ),
    "sv": Tongue(
        ("Leverans av {a}", "Ramavtal {a}", "{a}: leverans och installation", "Inköp av {a} till {city}"),
        ("Del {n}: {a} och {b}.", "Leverans av {n} stycken {a}.", "Uppdrag avseende {a}, med option på {b}."),
        ("Avtalet löper i {n} månader.", "Leverans inom {n} dagar efter avrop.", "Underhåll ingår."),
        ("Sedan {year} tillverkar vi {a}.", "Familjeföretag i {city}: {a}, {b}.", "Specialister på {a} och {b}."),
        ("{city} kommun", "Sjukhuset i {city}", "Region {city}"),
    ),
    "cs": Tongue(
        ("Dodávka: {a}", "Rámcová dohoda: {a}", "{a}: dodávka a montáž", "Nákup pro město {city}: {a}"),
        ("Část {n}: {a} a {b}.", "Dodávka {n} kusů: {a}.", "Předmět zakázky: {a}, opce: {b}."),
        ("Smlouva trvá {n} měsíců.", "Dodání do {n} dnů od objednávky.", "Údržba je zahrnuta."),
        ("Od roku {year} vyrábíme: {a}.", "Rodinná firma z města {city}: {a}, {b}.", "Specialisté: {a}, {b}."),
        ("Město {city}", "Nemocnice {city}", "Kraj {city}"),
    ),
}

# Country → languages written there, legal forms, NUTS 1 regions (of the country, not of the town), share of the actors.
COUNTRIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], int]] = {
    "DE": (("de",), ("GmbH", "GmbH & Co. KG", "AG"), ("DE1", "DE2", "DE3", "DE7", "DE9", "DEA", "DED"), 20),
    "FR": (("fr",), ("SAS", "SARL", "SA"), ("FR1", "FRB", "FRE", "FRF", "FRI", "FRJ", "FRK", "FRL"), 18),
    "IT": (("it",), ("S.r.l.", "S.p.A."), ("ITC", "ITF", "ITG", "ITH", "ITI"), 13),
    "ES": (("es",), ("S.L.", "S.A."), ("ES1", "ES2", "ES3", "ES4", "ES5", "ES6"), 11),
    "PL": (("pl",), ("Sp. z o.o.", "S.A."), ("PL2", "PL4", "PL5", "PL6", "PL7", "PL8", "PL9"), 10),
    "NL": (("nl",), ("B.V.", "N.V."), ("NL1", "NL2", "NL3", "NL4"), 6),
    "CZ": (("cs",), ("s.r.o.", "a.s."), ("CZ0",), 5),
    "SE": (("sv",), ("AB",), ("SE1", "SE2", "SE3"), 5),
    "PT": (("pt",), ("Lda", "S.A."), ("PT1",), 4),
    "BE": (("fr", "nl"), ("SRL", "BV"), ("BE1", "BE2", "BE3"), 3),
    "AT": (("de",), ("GmbH",), ("AT1", "AT2", "AT3"), 2),
    "IE": (("en",), ("Ltd", "plc"), ("IE0",), 3),
}

# The thesaurus speaks eight languages; of two more it is enough to know some competencies, by their name in it.
MORE_LABELS = {
    "sv": {
        "surgical-mask": "munskydd", "protective-gloves": "skyddshandskar", "hydroalcoholic-gel": "handsprit",
        "protective-clothing": "skyddskläder", "helmet": "hjälm", "injection-moulding": "formsprutning",
        "welding": "svetsning", "machining": "skärande bearbetning", "packaging": "förpackningar", "steel": "stål",
        "aluminium": "aluminium", "textile": "textil", "paper": "papper", "logistics": "logistik",
        "laboratory-testing": "laboratorieprovning", "sterilisation": "sterilisering", "pump": "pump",
        "electric-motor": "elmotor", "battery": "batteri", "software": "programvara", "ventilator": "respirator",
        "cleaning-services": "städtjänster", "construction": "byggarbeten", "furniture": "möbler",
    },
    "cs": {
        "surgical-mask": "chirurgická rouška", "protective-gloves": "ochranné rukavice",
        "hydroalcoholic-gel": "dezinfekční gel", "protective-clothing": "ochranný oděv", "helmet": "přilba",
        "injection-moulding": "vstřikování plastů", "welding": "svařování", "machining": "obrábění",
        "packaging": "obaly", "steel": "ocel", "aluminium": "hliník", "textile": "textil", "paper": "papír",
        "logistics": "logistika", "laboratory-testing": "laboratorní zkoušky", "sterilisation": "sterilizace",
        "pump": "čerpadlo", "electric-motor": "elektromotor", "battery": "baterie", "software": "software",
        "ventilator": "plicní ventilátor", "cleaning-services": "úklidové služby",
        "construction": "stavební práce", "furniture": "nábytek",
    },
}  # fmt: skip
ROOTS = ("al", "bra", "cor", "del", "er", "fal", "gran", "hel", "in", "jor", "kal", "lum", "mar", "nov", "or", "pra")
MIDDLES = ("da", "ber", "co", "do", "fe", "ga", "li", "ma", "ne", "po", "ri", "sa", "ta", "ti", "ven", "vi")
ENDS = (
    "nia",
    "mont",
    "tec",
    "sen",
    "berg",
    "lux",
    "ris",
    "dur",
    "val",
    "nova",
    "max",
    "fort",
    "lis",
    "tra",
    "ko",
    "ra",
)
TRADES = ("", "", " Industries", " Group", " & Co", " Technik", " Systems", " Medical", " Services", " International")
CERTIFICATES = ("ISO 9001", "ISO 13485", "ISO 14001", "EN 14683", "EN 149", "IATF 16949", "EN 9100", "ISO 22000")
