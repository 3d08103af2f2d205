"""Writes nedsvc/data/common_classes.tsv: the coarse types of the classes that are most used, from a dump of Wikidata.

    python scripts/common_classes.py DUMP… [--most 3000] [--output TABLE]

A class counts once for each instance, and once more for each link to an instance: what is linked is what texts name.
The classes of `FURTHER` are in the table however little a dump uses them. Those that `nedsvc/data/classes.tsv` names
are left out, as are those of which the hierarchy says nothing. Where a dump calls a class of `FURTHER` otherwise than
it is called there, a line says so.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.classes import GENERAL, Hierarchy
from nedsvc.index.build.dump import blocks, entity_lines
from nedsvc.index.format import TYPE_BITS
from nedsvc.models import qid_number
from nedsvc.wikibase import BrokenItem, Item, ItemReader

SPECIFIC = (1 << GENERAL) - 1
TABLE = Path(__file__).parents[1] / "nedsvc" / "data" / "common_classes.tsv"
HEADER = """\
# Coarse types of the classes of Wikidata that are most used and that classes.tsv does not name, for entities that are
# asked live, of whose classes no hierarchy is at hand. Written by scripts/common_classes.py. Source: Wikidata's
# hierarchy of classes (P279) below the classes of classes.tsv; the nearest count. Scope: the classes of the things that
# news and encyclopedias name. "OFFICE" and "general" mean what they mean there. Sorted by number.
# qid	types	general	label
"""


# What may be missing from a part of Wikidata: classes that news needs, each after a class that is above it.
FURTHER = """\
Q5 human: Q21070568 human who may be fictional
Q215380 musical group: Q216337 boy band, Q641066 girl group, Q56816954 heavy metal band
Q623109 sports league: Q15991290 professional sports league, Q15991303 association football league
Q12973014 sports team: Q1785271 cycling team, Q2412834 reserve team, Q15720476 volleyball team
Q783794 company: Q1341478 energy company, Q4382945 online shop, Q13235160 manufacturer, Q14941854 oil company
Q783794 company: Q18534542 restaurant chain, Q19644607 pharmaceutical company, Q19963413 media conglomerate
Q783794 company: Q20031260 IT consulting company, Q90298876 biotechnology company
Q507619 retail chain: Q2549179 department store chain, Q18043413 supermarket chain
Q22687 bank: Q319845 investment bank
Q46970 airline: Q190915 low-cost airline
Q16917 hospital: Q1774898 clinic
Q11204 legislature: Q2570643 senate
Q56061 administrative territorial entity: Q211690 London borough, Q937876 comarca of Catalonia
Q56061 administrative territorial entity: Q1147395 district of Turkey, Q17364572 district of Northern Ireland
Q56061 administrative territorial entity: Q104841013 hromada
Q15284 municipality: Q659103 commune of Romania, Q2177636 municipality of Denmark
Q15284 municipality: Q18663579 former municipality of Norway, Q18918041 municipality of West Bengal
Q515 city: Q55440238 city in Alberta
Q3957 town: Q735428 town of China, Q1059478 town of Japan, Q16858213 town in Romania
Q532 village: Q13100073 village of China, Q21672098 village of Ukraine, Q56436498 village in India
Q484170 commune of France: Q22927616 commune of France with specific status
Q6999 astronomical object: Q83373 quasar, Q168845 star cluster, Q1931185 astronomical radio source
Q6999 astronomical object: Q67206691 infrared source
Q523 star: Q6243 variable star, Q1457376 eclipsing binary star, Q2247863 high proper-motion star
Q634 planet: Q44559 exoplanet
Q271669 landform: Q133056 mountain pass, Q211748 oil field
Q15324 body of water: Q124714 spring, Q187223 lagoon, Q1172599 inlet, Q3253281 pond
Q170321 wetland: Q166735 swamp
Q12280 bridge: Q12570 suspension bridge, Q1210334 railway bridge
Q34442 road: Q1426271 route nationale
Q44539 temple: Q842402 Hindu temple, Q845945 Shinto shrine, Q5393308 Buddhist temple
Q62447 aerodrome: Q502074 heliport
Q483110 stadium: Q15303456 rugby union stadium
Q44782 port: Q721207 marina
Q57821 fortification: Q82117 city gate, Q16748868 city walls
Q811979 architectural structure: Q34627 synagogue, Q39715 lighthouse, Q294440 public space, Q953806 bus stop
Q17350442 venue: Q187456 bar, Q622425 nightclub
Q41176 building: Q156362 winery, Q654772 hostel
Q482994 album: Q169930 extended play
Q2188189 musical work: Q105543609 musical work/composition
Q7889 video game: Q7058673 video game series
Q277759 book series: Q1667921 novel series
Q47461344 written work: Q1004 comics, Q725377 graphic novel, Q1143604 proceedings, Q1980247 chapter
Q47461344 written work: Q13433827 encyclopedia article
Q5398426 television series: Q1366112 television drama, Q113671041 original net animation series
Q5398426 television series: Q113687694 original video animation series, Q117467246 animated television series
Q3464665 television series season: Q100269041 anime television series season
Q15416 television program: Q653916 television pilot, Q21664088 two-part episode
Q17537576 creative work: Q17558136 YouTube channel, Q24634210 podcast show, Q61855877 podcast episode
Q11446 ship: Q14928 oil tanker, Q14978 icebreaker, Q17205 aircraft carrier, Q17210 container ship, Q25653 ferry
Q11446 ship: Q104843 cruiser, Q105999 cargo ship, Q161705 frigate, Q170013 corvette, Q170173 yacht
Q11446 ship: Q170483 sailing ship, Q174736 destroyer, Q178193 steamboat, Q182531 battleship, Q191826 tug
Q11446 ship: Q202527 minesweeper, Q204577 schooner, Q214196 gunboat, Q253555 escort carrier, Q324233 torpedo boat
Q11446 ship: Q331795 patrol vessel, Q391022 research vessel, Q559026 ship class, Q660668 training ship
Q11446 ship: Q697196 ocean liner, Q1361980 guided missile cruiser, Q1420024 fishing vessel, Q2055880 passenger ship
Q11446 ship: Q2607934 guided missile destroyer, Q3114762 warship, Q12859788 steamship
Q2811 submarine: Q428661 U-boat, Q683570 ballistic missile submarine, Q757587 nuclear-powered attack submarine
Q2811 submarine: Q4818021 attack submarine
Q11436 aircraft: Q34486 helicopter, Q41426 trainer aircraft, Q127771 fighter, Q170877 bomber, Q208187 attack aircraft
Q11436 aircraft: Q210932 airliner, Q216916 military aircraft, Q484000 unmanned aerial vehicle, Q1445518 airlifter
Q11436 aircraft: Q3041792 reconnaissance aircraft
Q728 weapon: Q12796 firearm, Q12800 machine gun, Q12876 tank, Q170382 revolver, Q177456 assault rifle
Q728 weapon: Q178550 submachine gun, Q190570 sniper rifle, Q243249 air-to-air missile, Q282472 anti-tank missile
Q728 weapon: Q643532 anti-ship missile, Q920182 main battle tank, Q1049158 air-to-surface missile
Q728 weapon: Q3389302 semi-automatic pistol, Q22704163 firearm model, Q42314054 ammunition model
Q728 weapon: Q124056273 artillery model
Q42889 vehicle: Q3231690 automobile model, Q4407246 armored personnel carrier, Q13402959 high-speed train
Q42889 vehicle: Q19832486 locomotive class, Q22999537 vehicle family, Q23039057 bus model, Q23866334 motorcycle model
Q42889 vehicle: Q29048322 vehicle model, Q59773381 automobile model series, Q90834785 racing automobile model
Q42889 vehicle: Q100710213 combat vehicle model
Q1183543 device: Q8076 video game console, Q941818 handheld game console, Q15057021 engine model
Q1183543 device: Q17589470 home video game console, Q19723444 mobile phone model, Q19723451 smartphone model
Q1183543 device: Q19799938 smartwatch model, Q20741022 digital camera model, Q20888659 camera model
Q1183543 device: Q55990535 computer model, Q71266741 smartphone model series
Q2424752 product: Q811701 model series, Q10929058 product model
Q40218 spacecraft: Q25956 space station, Q26540 artificial satellite, Q148578 space telescope
Q40218 spacecraft: Q149918 communications satellite, Q466421 reconnaissance satellite
Q40218 spacecraft: Q854845 Earth observation satellite
Q41291 rocket: Q697175 launch vehicle
Q12140 medication: Q134808 vaccine, Q28051899 vaccine candidate
Q7397 software: Q115305900 large language model
Q33215 constructed language: Q9143 programming language
Q198 war: Q1348385 war of succession, Q21994376 war of independence, Q104212151 series of wars
Q350604 armed conflict: Q582956 punitive expedition, Q678146 bombardment, Q680838 ambush, Q766875 ethnic conflict
Q350604 armed conflict: Q997267 skirmish, Q1361229 conquest, Q1384277 military expedition, Q2380335 airstrike
Q350604 armed conflict: Q19841484 sack, Q42750320 border incident, Q48767773 engagement, Q111034471 missile strike
Q124734 rebellion: Q1155622 slave rebellion, Q6107280 revolt, Q13427116 peasant revolt
Q45382 coup d'état: Q25906438 attempted coup d'état
Q2223653 terrorist attack: Q891854 bomb attack, Q18493502 suicide bombing, Q20893947 suicide car bombing
Q2223653 terrorist attack: Q25917154 truck bombing
Q1174599 attack: Q897797 arson attack, Q6813020 stabbing attack, Q18711682 vehicle-ramming attack
Q1174599 attack: Q88178910 assassination attempt, Q109217482 shooting attack
Q83267 crime: Q53706 robbery, Q81672 attempted murder, Q135010 war crime, Q318296 kidnapping, Q327541 arson
Q83267 crime: Q459409 hate crime, Q473853 school shooting, Q486775 lynching, Q806824 bank robbery
Q83267 crime: Q1371150 hostage taking, Q2252077 shooting, Q21480300 mass shooting
Q273120 protest: Q175331 demonstration, Q686984 civil disorder
Q381072 crisis: Q114380 financial crisis, Q806663 bank run, Q1020018 stock market crash
Q381072 crisis: Q5791104 international crisis
Q3839081 disaster: Q7935 avalanche, Q8068 flood, Q8070 tsunami, Q8081 tornado, Q43059 drought, Q167903 landslide
Q3839081 disaster: Q168247 famine, Q168983 conflagration, Q169950 wildfire, Q179057 explosion, Q220187 oil spill
Q3839081 disaster: Q838718 city fire, Q1033074 dam failure, Q1362483 gas explosion, Q2165983 stampede
Q3839081 disaster: Q2620513 maritime disaster, Q3193890 environmental disaster, Q7625093 structure fire
Q3839081 disaster: Q7692360 volcanic eruption, Q68800046 industrial disaster, Q106673346 crowd crush
Q8092 tropical cyclone: Q756721 Atlantic hurricane season, Q2547976 North Atlantic tropical cyclone
Q171558 accident: Q906512 shipwrecking, Q1078765 railway accident, Q1331380 derailment, Q1550225 mining accident
Q171558 accident: Q1620824 nuclear accident, Q2192508 ship collision, Q11620651 bridge failure, Q30880545 sinking
Q1656682 event: Q3887 solar eclipse, Q154278 ethnic cleansing, Q210112 nuclear weapons test, Q273976 blockade
Q1656682 event: Q379693 deportation, Q797476 rocket launch, Q837556 forced displacement, Q2656967 nuclear explosion
Q1656682 event: Q6784066 mass migration, Q12890393 incident, Q15589476 population transfer
Q40231 election: Q152450 municipal election, Q669262 primary election, Q1057954 by-election
Q40231 election: Q2618461 legislative election, Q15283424 United Kingdom general election
Q2761147 meeting: Q51645 ecumenical council, Q111161 synod, Q625994 convention, Q1072326 summit
Q2761147 meeting: Q2020153 academic conference, Q47258130 scientific conference series
Q132241 festival: Q27968043 festival edition
Q13406554 sports competition: Q1079023 championship, Q1478437 association football competition
Q13406554 sports competition: Q2990963 figure skating competition, Q47345468 tennis tournament edition
Q13406554 sports competition: Q114609228 recurring sporting event edition
Q16510064 sporting event: Q2922711 bowl game, Q18536594 Olympic sporting event, Q27889498 boxing match
Q16510064 sporting event: Q46190676 tennis event, Q57733494 badminton event
Q27020041 sports season: Q1539532 sports season of a sports club, Q26887310 association football team season
Q49371 legislation: Q7604686 UK Statutory Instrument
Q49371 legislation: Q105774620 Public General Act of the Parliament of the United Kingdom
Q131569 treaty: Q864737 unequal treaty, Q1691434 United Nations treaty, Q9557810 bilateral treaty
Q327000 court decision: Q19692072 United States Supreme Court decision
"""


class Further(NamedTuple):
    """A class with one that is above it."""

    number: int
    label: str
    above: int


class Usage(msgspec.Struct):
    """What the dump says of classes."""

    labels: dict[int, str]
    subclasses: list[int]
    superclasses: list[int]
    instances: dict[int, Sequence[int]]
    links: Counter[int]


def items(dumps: Sequence[Path]) -> Iterator[Item]:
    """The readable items of dumps."""
    reader = ItemReader(("en",))
    for dump in dumps:
        for block in blocks(dump):
            for _, text in entity_lines(block):
                try:
                    item = reader.read(text)
                except BrokenItem:
                    continue
                if item:
                    yield item


def further() -> Iterator[Further]:
    """The classes of `FURTHER`."""
    for line in FURTHER.splitlines():
        above, _, classes = line.partition(": ")
        for class_ in classes.split(", "):
            qid, _, label = class_.partition(" ")
            yield Further(qid_number(qid), label, qid_number(above.partition(" ")[0]))


def read_usage(dumps: Sequence[Path]) -> Usage:
    """Reads the dumps once."""
    usage = Usage({}, [], [], {}, Counter())
    for item in items(dumps):
        if item.labels:
            usage.labels[item.number] = next(iter(item.labels.values()))
        usage.subclasses += [item.number] * len(item.superclasses)
        usage.superclasses += item.superclasses
        if item.classes:
            usage.instances[item.number] = item.classes
        usage.links.update(set(item.links))
    return usage


def weights(usage: Usage) -> Counter[int]:
    """How much each class is used."""
    found: defaultdict[int, int] = defaultdict(int)
    for number, classes in usage.instances.items():
        for class_ in classes:
            found[class_] += 1 + usage.links[number]
    return Counter(found)


def hierarchy_of(usage: Usage, added: Collection[Further]) -> Hierarchy:
    """The hierarchy of the dump with what is added to it."""
    classes = usage.subclasses + [class_.number for class_ in added]
    superclasses = usage.superclasses + [class_.above for class_ in added]
    return Hierarchy(np.array(classes, np.uint32), np.array(superclasses, np.uint32))


def row(class_: int, mask: int, label: str) -> str:
    """A line of the table. Types of general classes above it do not matter where there are others."""
    own, general = mask & SPECIFIC, mask >> GENERAL
    names = ",".join(name for name, bit in TYPE_BITS.items() if (own or general) & bit)
    return f"Q{class_}\t{names}\t{'general' if general and not own else ''}\t{label}\n"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=3000)
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    usage = read_usage(arguments.dumps)
    added = {class_.number: class_ for class_ in further()}
    masks = hierarchy_of(usage, added.values()).types(tables.roots())
    roots = {root.number for root in tables.roots()}
    used = [class_ for class_, _ in weights(usage).most_common() if masks.get(class_) and class_ not in roots]
    chosen = sorted({*used[: arguments.most], *added} - roots)
    labels = usage.labels | {class_.number: class_.label for class_ in added.values()}
    rows = (row(class_, masks[class_], labels.get(class_, "")) for class_ in chosen)
    arguments.output.write_text(HEADER + "".join(rows), encoding="utf-8")
    for class_ in added.values():
        if usage.labels.get(class_.number, class_.label) != class_.label:
            print(f"Q{class_.number} {class_.label}: the dump calls it {usage.labels[class_.number]!r}")
    print(f"{len(chosen)} of {len(used)} classes, {arguments.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
