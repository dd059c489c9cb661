"""Regions of countries by ISO 3166-2, as files and people write them, and the time zones each may be in. A region that is not told here is
one nobody can read, which counts as all of its country. The United States and Canada, whose area codes tell the state, are in `places`; here
are the territories of the north, of which one area code tells nothing.

A name stands for one region of its country or is left out: whom a doubtful name put into the wrong one would be called there by its law.
"""

import unicodedata
from functools import lru_cache

# Country, region, its zones where the country has several, of those that keep the same time the one that stands for them all: name/name …
REGIONS = """
AT 1: Burgenland/Bgld
AT 2: Kärnten/Kaernten/Carinthia/Ktn
AT 3: Niederösterreich/Niederoesterreich/Lower Austria/NÖ/NOE
AT 4: Oberösterreich/Oberoesterreich/Upper Austria/OÖ/OOE
AT 5: Salzburg/Sbg
AT 6: Steiermark/Styria/Stmk
AT 7: Tirol/Tyrol
AT 8: Vorarlberg/Vbg
AT 9: Wien/Vienna
AU ACT Australia/Sydney: Australian Capital Territory/Canberra
AU NSW Australia/Sydney Australia/Adelaide Australia/Lord_Howe: New South Wales
AU NT Australia/Darwin: Northern Territory
AU QLD Australia/Brisbane: Queensland
AU SA Australia/Adelaide: South Australia
AU TAS Australia/Sydney: Tasmania
AU VIC Australia/Sydney: Victoria
AU WA Australia/Perth Australia/Eucla: Western Australia/West Australia
BR AC America/Rio_Branco: Acre
BR AL America/Sao_Paulo: Alagoas
BR AM America/Manaus America/Rio_Branco: Amazonas
BR AP America/Sao_Paulo: Amapá
BR BA America/Sao_Paulo: Bahia
BR CE America/Sao_Paulo: Ceará
BR DF America/Sao_Paulo: Distrito Federal/Brasília
BR ES America/Sao_Paulo: Espírito Santo
BR GO America/Sao_Paulo: Goiás
BR MA America/Sao_Paulo: Maranhão
BR MG America/Sao_Paulo: Minas Gerais
BR MS America/Manaus: Mato Grosso do Sul
BR MT America/Manaus: Mato Grosso
BR PA America/Sao_Paulo: Pará
BR PB America/Sao_Paulo: Paraíba
BR PE America/Sao_Paulo America/Noronha: Pernambuco
BR PI America/Sao_Paulo: Piauí
BR PR America/Sao_Paulo: Paraná
BR RJ America/Sao_Paulo: Rio de Janeiro
BR RN America/Sao_Paulo: Rio Grande do Norte
BR RO America/Manaus: Rondônia
BR RR America/Manaus: Roraima
BR RS America/Sao_Paulo: Rio Grande do Sul
BR SC America/Sao_Paulo: Santa Catarina
BR SE America/Sao_Paulo: Sergipe
BR SP America/Sao_Paulo: São Paulo
BR TO America/Sao_Paulo: Tocantins
CA NT America/Edmonton: Northwest Territories
CA NU America/Atikokan America/Edmonton America/Toronto America/Winnipeg: Nunavut
CA YT America/Whitehorse: Yukon
CH AG: Aargau/Argovie/Argovia
CH AI: Appenzell Innerrhoden
CH AR: Appenzell Ausserrhoden
CH BE: Bern/Berne/Berna
CH BL: Basel-Landschaft/Baselland/Basel-Land/Bâle-Campagne
CH BS: Basel-Stadt/Baselstadt/Bâle-Ville
CH FR: Fribourg/Freiburg/Friburgo
CH GE: Genève/Genf/Geneva/Ginevra
CH GL: Glarus/Glaris
CH GR: Graubünden/Graubuenden/Grisons/Grigioni/Grischun
CH JU: Jura
CH LU: Luzern/Lucerne/Lucerna
CH NE: Neuchâtel/Neuenburg
CH NW: Nidwalden/Nidwald
CH OW: Obwalden/Obwald
CH SG: St. Gallen/Sankt Gallen/Saint-Gall
CH SH: Schaffhausen/Schaffhouse
CH SO: Solothurn/Soleure
CH SZ: Schwyz
CH TG: Thurgau/Thurgovie
CH TI: Ticino/Tessin
CH UR: Uri
CH VD: Vaud/Waadt
CH VS: Valais/Wallis/Vallese
CH ZG: Zug/Zoug
CH ZH: Zürich/Zuerich/Zurich/Zurigo
DE BB: Brandenburg
DE BE: Berlin
DE BW: Baden-Württemberg/Baden-Wuerttemberg/BaWü
DE BY: Bayern/Bavaria/Freistaat Bayern
DE HB: Bremen/Freie Hansestadt Bremen/Bremerhaven
DE HE: Hessen/Hesse
DE HH: Hamburg/Freie und Hansestadt Hamburg
DE MV: Mecklenburg-Vorpommern/Mecklenburg-Western Pomerania/Mecklenburg-West Pomerania
DE NI: Niedersachsen/Lower Saxony
DE NW: Nordrhein-Westfalen/North Rhine-Westphalia/NRW
DE RP: Rheinland-Pfalz/Rhineland-Palatinate/RLP
DE SH: Schleswig-Holstein
DE SL: Saarland
DE SN: Sachsen/Saxony/Freistaat Sachsen
DE ST: Sachsen-Anhalt/Saxony-Anhalt
DE TH: Thüringen/Thueringen/Thuringia/Freistaat Thüringen
ES AN Europe/Madrid: Andalucía/Andalusia/Almería/Cádiz/Córdoba/Granada/Huelva/Jaén/Málaga/Sevilla/Seville
ES AR Europe/Madrid: Aragón/Huesca/Teruel/Zaragoza/Saragossa
ES AS Europe/Madrid: Asturias/Principado de Asturias
ES CB Europe/Madrid: Cantabria/Santander
ES CE Europe/Madrid: Ceuta
ES CL Europe/Madrid: Castilla y León/Castile and León/Ávila/Burgos/León/Palencia/Salamanca/Segovia/Soria/Valladolid/Zamora
ES CM Europe/Madrid: Castilla-La Mancha/Castile-La Mancha/Albacete/Ciudad Real/Cuenca/Guadalajara/Toledo
ES CN Atlantic/Canary: Canarias/Islas Canarias/Canary Islands/Las Palmas/Santa Cruz de Tenerife/S.C. Tenerife/Tenerife/Gran Canaria/Lanzarote
ES CN Atlantic/Canary: Fuerteventura/La Palma/La Gomera/El Hierro
ES CT Europe/Madrid: Cataluña/Catalunya/Catalonia/Barcelona/Girona/Gerona/Lleida/Lérida/Tarragona
ES EX Europe/Madrid: Extremadura/Badajoz/Cáceres
ES GA Europe/Madrid: Galicia/Galiza/A Coruña/La Coruña/Coruña/Lugo/Ourense/Orense/Pontevedra
ES IB Europe/Madrid: Islas Baleares/Illes Balears/Baleares/Balears/Balearic Islands/Mallorca/Majorca/Menorca/Ibiza/Eivissa/Formentera
ES MC Europe/Madrid: Murcia/Región de Murcia
ES MD Europe/Madrid: Madrid/Comunidad de Madrid/Community of Madrid
ES ML Europe/Madrid: Melilla
ES NC Europe/Madrid: Navarra/Navarre/Nafarroa/Comunidad Foral de Navarra
ES PV Europe/Madrid: País Vasco/Euskadi/Basque Country/Álava/Araba/Araba-Álava/Vizcaya/Bizkaia/Biscay/Guipúzcoa/Gipuzkoa
ES RI Europe/Madrid: La Rioja/Rioja/Logroño
ES VC Europe/Madrid: Comunidad Valenciana/Comunitat Valenciana/Valencia/València/Alicante/Alacant/Castellón/Castelló/Castellón de la Plana
GB ENG: England/Bedfordshire/Beds/Berkshire/Berks/Bristol/City of Bristol/Buckinghamshire/Bucks/Cambridgeshire/Cambs/Cheshire/Cheshire East
GB ENG: Cheshire West and Chester/Cleveland/Cornwall/Cumberland/Cumbria/Derbyshire/Devon/Dorset/County Durham/Co Durham/Durham/Essex
GB ENG: East Riding of Yorkshire/East Riding/East Yorkshire/East Sussex/Gloucestershire/Glos/Greater London/London/City of London
GB ENG: Greater Manchester/Manchester/Hampshire/Hants/Herefordshire/Hertfordshire/Herts/Huntingdonshire/Isle of Wight/Kent/Lancashire/Lancs
GB ENG: Leicestershire/Leics/Lincolnshire/Lincs/Merseyside/Middlesex/Middx/Norfolk/North Yorkshire/N Yorks/Northamptonshire/Northants
GB ENG: Northumberland/Nottinghamshire/Notts/Oxfordshire/Oxon/Rutland/Shropshire/Salop/Somerset/South Yorkshire/S Yorks/Staffordshire/Staffs
GB ENG: Suffolk/Surrey/Sussex/Tyne and Wear/Tyne & Wear/Warwickshire/Warks/West Midlands/West Sussex/West Yorkshire/W Yorks/Westmorland
GB ENG: Wiltshire/Wilts/Worcestershire/Worcs/Yorkshire/Yorks/Humberside/Avon
GB NIR: Northern Ireland/N Ireland/NI/Antrim/County Antrim/Co Antrim/Armagh/County Armagh/Co Armagh/County Down/Co Down/Belfast
GB NIR: Fermanagh/County Fermanagh/Co Fermanagh/Londonderry/County Londonderry/Co Londonderry/Derry/Co Derry/Tyrone/County Tyrone/Co Tyrone
GB SCT: Scotland/Alba/Aberdeenshire/Aberdeen/Aberdeen City/Angus/Argyll/Argyllshire/Argyll and Bute/Ayrshire/East Ayrshire/North Ayrshire
GB SCT: South Ayrshire/Banffshire/Berwickshire/Caithness/Clackmannanshire/Dumfries and Galloway/Dumfries & Galloway/Dumfriesshire
GB SCT: Dunbartonshire/East Dunbartonshire/West Dunbartonshire/Dundee/Dundee City/East Lothian/Midlothian/West Lothian/Lothian/Edinburgh
GB SCT: City of Edinburgh/Falkirk/Fife/Glasgow/Glasgow City/Grampian/Highland/Highlands/Inverclyde/Inverness-shire/Kincardineshire
GB SCT: Kinross-shire/Kirkcudbrightshire/Lanarkshire/North Lanarkshire/South Lanarkshire/Moray/Morayshire/Nairnshire/Orkney/Orkney Islands
GB SCT: Peeblesshire/Perthshire/Perth and Kinross/Perth & Kinross/Renfrewshire/East Renfrewshire/Ross-shire/Ross and Cromarty/Roxburghshire
GB SCT: Scottish Borders/Selkirkshire/Shetland/Shetland Islands/Stirling/Stirlingshire/Strathclyde/Sutherland/Tayside/Wigtownshire
GB SCT: Western Isles/Na h-Eileanan Siar/Outer Hebrides
GB WLS: Wales/Cymru/Anglesey/Isle of Anglesey/Ynys Môn/Blaenau Gwent/Brecknockshire/Bridgend/Caerphilly/Cardiff/Cardiganshire/Carmarthenshire
GB WLS: Ceredigion/Clwyd/Conwy/Denbighshire/Dyfed/Flintshire/Glamorgan/Mid Glamorgan/South Glamorgan/West Glamorgan/Vale of Glamorgan/Gwent
GB WLS: Gwynedd/Merionethshire/Merthyr Tydfil/Monmouthshire/Montgomeryshire/Neath Port Talbot/Pembrokeshire/Powys/Radnorshire
GB WLS: Rhondda Cynon Taf/Rhondda Cynon Taff/Swansea/Torfaen/Wrexham
MX AGU America/Mexico_City: Aguascalientes/Ags
MX BCN America/Tijuana: Baja California/Baja California Norte/BC
MX BCS America/Mazatlan: Baja California Sur
MX CAM America/Mexico_City: Campeche/Camp
MX CHH America/Mexico_City America/Ciudad_Juarez America/Matamoros: Chihuahua/Chih
MX CHP America/Mexico_City: Chiapas/Chis
MX CMX America/Mexico_City: Ciudad de México/Mexico City/CDMX/Distrito Federal/DF
MX COA America/Mexico_City America/Matamoros: Coahuila/Coahuila de Zaragoza/Coah
MX COL America/Mexico_City: Colima
MX DUR America/Mexico_City: Durango/Dgo
MX GRO America/Mexico_City: Guerrero
MX GUA America/Mexico_City: Guanajuato/Gto
MX HID America/Mexico_City: Hidalgo/Hgo
MX JAL America/Mexico_City: Jalisco
MX MEX America/Mexico_City: Estado de México/Edomex/Edo. Mex./Edo. de México/State of Mexico
MX MIC America/Mexico_City: Michoacán/Michoacán de Ocampo/Mich
MX MOR America/Mexico_City: Morelos
MX NAY America/Mazatlan America/Mexico_City: Nayarit
MX NLE America/Mexico_City America/Matamoros: Nuevo León/NL
MX OAX America/Mexico_City: Oaxaca
MX PUE America/Mexico_City: Puebla
MX QUE America/Mexico_City: Querétaro/Qro
MX ROO America/Cancun: Quintana Roo/Q. Roo
MX SIN America/Mazatlan: Sinaloa
MX SLP America/Mexico_City: San Luis Potosí
MX SON America/Mazatlan: Sonora
MX TAB America/Mexico_City: Tabasco
MX TAM America/Mexico_City America/Matamoros: Tamaulipas/Tamps
MX TLA America/Mexico_City: Tlaxcala/Tlax
MX VER America/Mexico_City: Veracruz/Veracruz de Ignacio de la Llave
MX YUC America/Mexico_City: Yucatán
MX ZAC America/Mexico_City: Zacatecas
NZ AUK Pacific/Auckland: Auckland/Tāmaki Makaurau
NZ BOP Pacific/Auckland: Bay of Plenty
NZ CAN Pacific/Auckland: Canterbury
NZ CIT Pacific/Chatham: Chatham Islands/Chatham Islands Territory/Wharekauri
NZ GIS Pacific/Auckland: Gisborne/Tairāwhiti
NZ HKB Pacific/Auckland: Hawke's Bay/Hawkes Bay
NZ MBH Pacific/Auckland: Marlborough
NZ MWT Pacific/Auckland: Manawatū-Whanganui/Manawatu-Wanganui/Manawatu
NZ NSN Pacific/Auckland: Nelson
NZ NTL Pacific/Auckland: Northland
NZ OTA Pacific/Auckland: Otago
NZ STL Pacific/Auckland: Southland
NZ TAS Pacific/Auckland: Tasman
NZ TKI Pacific/Auckland: Taranaki
NZ WGN Pacific/Auckland: Wellington/Greater Wellington
NZ WKO Pacific/Auckland: Waikato
NZ WTC Pacific/Auckland: West Coast
PT 01 Europe/Lisbon: Aveiro
PT 02 Europe/Lisbon: Beja
PT 03 Europe/Lisbon: Braga
PT 04 Europe/Lisbon: Bragança
PT 05 Europe/Lisbon: Castelo Branco
PT 06 Europe/Lisbon: Coimbra
PT 07 Europe/Lisbon: Évora
PT 08 Europe/Lisbon: Faro/Algarve
PT 09 Europe/Lisbon: Guarda
PT 10 Europe/Lisbon: Leiria
PT 11 Europe/Lisbon: Lisboa/Lisbon
PT 12 Europe/Lisbon: Portalegre
PT 13 Europe/Lisbon: Porto/Oporto
PT 14 Europe/Lisbon: Santarém
PT 15 Europe/Lisbon: Setúbal
PT 16 Europe/Lisbon: Viana do Castelo
PT 17 Europe/Lisbon: Vila Real
PT 18 Europe/Lisbon: Viseu
PT 20 Atlantic/Azores: Açores/Azores/Região Autónoma dos Açores/Ilha de São Miguel/São Miguel/Terceira/Ilha Terceira/Faial/Pico
PT 30 Europe/Lisbon: Madeira/Região Autónoma da Madeira/Ilha da Madeira/Porto Santo
"""


def plain(text: str) -> str:
    """Letters and digits alone, without accents, in one case."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text.casefold()) if letter.isalnum())


def _read() -> tuple[dict[tuple[str, str], str], dict[str, tuple[str, ...]]]:
    by_name: dict[tuple[str, str], str] = {}
    zones_by_region: dict[str, tuple[str, ...]] = {}
    for line in REGIONS.strip().split("\n"):
        told, names = line.split(": ")
        country, region, *zones = told.split()
        zones_by_region[f"{country}-{region}"] = tuple(sorted(zones))
        for name in (region, f"{country}-{region}", *names.split("/")):
            by_name[country, plain(name)] = f"{country}-{region}"
    return by_name, zones_by_region


_BY_NAME, _ZONES = _read()
CODES = frozenset(_ZONES)
COUNTRIES = frozenset(code[:2] for code in CODES)


@lru_cache(maxsize=16_384)
def region_named(text: str, country: str) -> str:
    """The region of a country that an address names, by code or by name: NSW or New South Wales is AU-NSW; empty where none told here."""
    return _BY_NAME.get((country, plain(text)), "")


def zones_of_region(region: str) -> tuple[str, ...]:
    """Every time zone a region may be in, of those that keep the same time one; empty where its country has but one."""
    return _ZONES.get(region, ())
