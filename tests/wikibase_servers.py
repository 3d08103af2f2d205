"""A server on loopback that stands for Wikidata: its API over some items, such as a slice of the sample.

Nothing here needs pytest: benchmarks import it too.
"""

import html
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NoReturn

import msgspec
from faults import HTML, JSON, Answer, ApiError, Json, Params
from loopback import Asked, LoopbackServer
from wikibase_items import MODIFIED, Items, Wanted, fallbacks, page_id

from nedsvc.models import qid_number

_API_PATH = "/w/api.php"
_ID = re.compile(r"[QqPp][1-9][0-9]{0,9}")
_ID_IN_SEARCH = re.compile(r"\W*(?:https?://\S+/entity/)?(Q[1-9][0-9]{0,9})\W*", re.IGNORECASE)
_LARGEST_ID = 2**31 - 1
_MOST_IDS = 50
_MOST_CONTINUED = 50
# The languages that the API knows, apart from others in which the items have texts.
_LANGUAGES = """
mul aa ab af ak als am an ang ar arc ary arz as ast av ay az azb ba bar bcl be be-tarask bg bho bm bn bo br bs ca ce
ceb ch chr ckb co cr crh cs cv cy da de de-at de-ch dsb dv dz ee el en en-ca en-gb en-us eo es et eu fa ff fi fj fo
fr frr fur fy ga gan gd gl gn got gsw gu gv ha hak haw he hi hif hr hsb ht hu hy ia id ie ig ik ilo io is it iu ja
jam jbo jv ka kaa kab kg ki kk kl km kn ko koi krc ks ku kv kw ky la lad lb lez lg li lij lmo ln lo lt lv lzh mai mdf
mg mhr mi min mk ml mn mr mrj ms mt mwl my mzn na nah nan nap nb nds ne new nl nn no nov nrm nv ny oc om or os pa pam
pap pcd pl pms pnb ps pt pt-br qu rm rn ro ru rue rw sa sah sc scn sco sd se sg sh si simple sk sl sm sn so sq sr
sr-ec sr-el ss st stq su sv sw szl ta te tet tg th ti tk tl tn to tpi tr ts tt tw ty tyv udm ug uk ur uz ve vec vep
vi vls vo vro wa war wo wuu xal xh yi yo yue za zea zh zh-cn zh-hans zh-hant zh-hk zh-tw zu
"""
_PROPS = ("info", "sitelinks", "aliases", "labels", "descriptions", "claims", "datatype")
_OF_EVERY_ACTION = """
action format formatversion maxlag smaxage maxage uselang errorformat errorlang errorsuselocal requestid servedby
curtimestamp responselanginfo origin assert assertuser ascii utf8 callback
"""
_OF_ACTION = {
    "wbsearchentities": "search language strictlanguage type limit continue props profile",
    "wbgetentities": "ids sites titles redirects props languages languagefallback normalize sitefilter",
    "query": "list prop meta titles continue srsearch srnamespace srlimit sroffset srwhat srinfo srprop srsort",
}
_METHODS = frozenset({"GET", "POST", "HEAD"})


class _Call:
    """The parameters of a request, read as MediaWiki reads them, and the warnings that came of it."""

    def __init__(self, params: Params, module: str) -> None:
        self.params = params
        self._module = module
        self._is_new = params.get("formatversion") == "2"
        self._warnings: dict[str, list[str]] = defaultdict(list)

    def required(self, name: str) -> str:
        if not self.params.get(name):
            raise ApiError("missingparam", f'The "{name}" parameter must be set.')
        return self.params[name]

    def flag(self, name: str) -> bool:
        return name in self.params

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        text = self.params.get(name, str(default))
        if text == "max":
            return most
        if not re.fullmatch(r"-?[0-9]+", text):
            raise ApiError("badinteger", f'Invalid value "{text}" for integer parameter "{name}".')
        if not least <= int(text) <= most:
            self.warn(f'The value "{text}" for parameter "{name}" must be between {least} and {most:,}.')
        return min(max(int(text), least), most)

    def one_of(self, name: str, value: str, known: Container[str]) -> str:
        if value not in known:
            raise ApiError("badvalue", f'Unrecognized value for parameter "{name}": {value}.')
        return value

    def several(self, name: str, known: Container[str]) -> list[str] | None:
        """The known ones of many values; None where the parameter is absent."""
        if name not in self.params:
            return None
        values = split_values(self.params[name])
        unknown = [value for value in values if value not in known]
        if unknown:
            self.warn(f'Unrecognized value{"s"[: len(unknown) - 1]} for parameter "{name}": {", ".join(unknown)}')
        return [value for value in values if value in known]

    def warn(self, text: str, module: str | None = None) -> None:
        self._warnings[module or self._module].append(text)

    def warnings(self) -> Json:
        if not self._warnings:
            return {}
        key = "warnings" if self._is_new else "*"
        return {"warnings": {module: {key: "\n".join(texts)} for module, texts in self._warnings.items()}}

    def complete(self) -> Json:
        return {"batchcomplete": True if self._is_new else ""}


def split_values(value: str) -> list[str]:
    """The values in a parameter that holds several; none where it is empty."""
    if value.startswith("\x1f"):
        return value[1:].split("\x1f")
    return value.split("|") if value else []


class SampleWikibase(LoopbackServer):
    """Wikidata's API over some items, given as the entities of its dump are.

    Knows `wbsearchentities`, `query` with `list=search`, and `wbgetentities`. `redirects` are ids that became others.
    An answer with entities never has more than `most_bytes` of them: what does not fit is left out with a warning.
    """

    def __init__(
        self,
        items: Iterable[Json],
        *,
        redirects: Mapping[str, str] | None = None,
        most_bytes: int = 8 << 20,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._items = Items(items)
        self._redirects = dict(redirects or {})
        self._most_bytes = most_bytes
        self._languages = self._items.languages.union(_LANGUAGES.split())
        self._actions: dict[str, Callable[[Params], Json]] = {
            "wbsearchentities": self._search_entities,
            "wbgetentities": self._get_entities,
            "query": self._query,
        }

    @property
    def url(self) -> str:
        """The address of the API."""
        return self.root + _API_PATH

    def answer(self, asked: Asked) -> Answer:
        """What MediaWiki would answer."""
        params = asked.params
        if asked.path != _API_PATH:
            return Answer(404, HTML, b"not found")
        if params.get("format") != "json" or "action" not in params:
            return Answer(200, HTML, b"<!DOCTYPE html>\n<title>MediaWiki API result</title>")
        try:
            return Answer(200, JSON, msgspec.json.encode(self._content(asked)))
        except ApiError as error:
            answer = error.answer(params, self.url)
            return answer._replace(status=405) if asked.method not in _METHODS else answer

    def _content(self, asked: Asked) -> Json:
        params = asked.params
        if asked.method not in _METHODS:
            raise ApiError("invalidmethod", "Invalid HTTP method. Consider using GET or POST.")
        call = _Call(params, "main")
        action = call.one_of("action", params["action"], self._actions)
        call.integer("maxlag", 5, -1, _LARGEST_ID)
        unknown = [name for name in params if name not in (_OF_EVERY_ACTION + _OF_ACTION[action]).split()]
        if unknown:
            call.warn(f"Unrecognized parameter{'s'[: len(unknown) - 1]}: {', '.join(unknown)}.")
        content = self._actions[action](params)
        warnings = {**call.warnings().get("warnings", {}), **content.pop("warnings", {})}
        return ({"warnings": warnings} if warnings else {}) | content

    def _search_entities(self, params: Params) -> Json:
        call = _Call(params, "wbsearchentities")
        search = call.required("search")
        language = call.one_of("language", call.required("language"), self._languages)
        kind = call.one_of("type", params.get("type", "item"), ("item", "property"))
        limit = call.integer("limit", 7, 0, 50)
        begin = call.integer("continue", 0, 0, 10_000)
        found: list[Json] = []
        if kind == "item":
            shown = params.get("uselang", "en")
            by_id = self._hit_by_id(search)
            found += [self._hit(*by_id, shown)] if by_id else []
            ids = self._items.beginning(search, language if call.flag("strictlanguage") else None)
            ids = [id_ for id_ in ids if not by_id or id_ != by_id[1]["id"]]
            # The names of the hits before the page need not be looked at.
            page = ids[max(0, begin - len(found)) : begin + limit + 1]
            found = found[begin:] + [self._named_hit(id_, search, language, shown) for id_ in page]
        if params.get("props", "url") != "url":
            found = [{name: value for name, value in hit.items() if name != "url"} for hit in found]
        more = len(found) > limit and begin + limit <= _MOST_CONTINUED
        return {
            **call.warnings(),
            "searchinfo": {"search": search},
            "search": found[:limit],
            **({"search-continue": begin + limit} if more else {}),
            "success": 1,
        }

    def _hit_by_id(self, search: str) -> tuple[str, Json, Json] | None:
        match = _ID_IN_SEARCH.fullmatch(search)
        if not match:
            return None
        id_ = match[1].upper()
        item = self._items.by_id.get(self._redirects.get(id_, id_))
        return (id_, item, {"type": "entityId", "text": id_}) if item else None

    def _named_hit(self, id_: str, search: str, language: str, shown: str) -> Json:
        name = self._items.name_beginning(id_, search, language)
        match = {"type": "alias" if name.is_alias else "label", "language": name.language, "text": name.text}
        return self._hit(id_, self._items.by_id[id_], match, shown)

    def _hit(self, id_: str, item: Json, match: Json, language: str) -> Json:
        display = {}
        for name in ("label", "description"):
            terms = item.get(f"{name}s") or {}
            known = next((code for code in fallbacks(language) if code in terms), None)
            if known:
                display[name] = {"value": terms[known]["value"], "language": known}
        shown = {name: term["value"] for name, term in display.items()}
        hit = {
            "id": id_,
            "title": id_,
            "pageid": page_id(item),
            "concepturi": f"http://www.wikidata.org/entity/{id_}",
            "repository": "wikidata",
            "url": f"{self.root}/wiki/{id_}",
            "display": display,
            **shown,
            "match": match,
        }
        return hit if shown.get("label") == match["text"] else hit | {"aliases": [match["text"]]}

    def _query(self, params: Params) -> Json:
        call = _Call(params, "query")
        content = call.complete()
        if "search" in (call.several("list", {"search"}) or ()):
            content |= self._full_text(params)
        warnings = {**call.warnings().get("warnings", {}), **content.pop("warnings", {})}
        return content | ({"warnings": warnings} if warnings else {})

    def _full_text(self, params: Params) -> Json:
        call = _Call(params, "search")
        search = call.required("srsearch")
        limit = call.integer("srlimit", 10, 1, 500)
        begin = call.integer("sroffset", 0, 0, 10_000)
        spaces = call.several("srnamespace", {"0", "120"})
        ids = self._items.with_words(search) if spaces is None or "0" in spaces else []
        more = {"continue": {"sroffset": begin + limit, "continue": "-||"}} if len(ids) > begin + limit else {}
        pages = [self._page(id_) for id_ in ids[begin : begin + limit]]
        return {
            **call.warnings(),
            **more,
            "query": {"searchinfo": {"totalhits": len(ids)}, "search": pages},
        }

    def _page(self, id_: str) -> Json:
        item = self._items.by_id[id_]
        terms = item.get("descriptions") or {}
        text = next((terms[code]["value"] for code in fallbacks("en") if code in terms), "")
        return {
            "ns": 0,
            "title": id_,
            "pageid": page_id(item),
            "size": len(text),
            "wordcount": len(text.split()),
            "snippet": html.escape(text),
            "timestamp": item.get("modified", MODIFIED),
        }

    def _get_entities(self, params: Params) -> Json:
        call = _Call(params, "wbgetentities")
        if "ids" not in params:
            raise ApiError("param-missing", 'Either provide the Item "ids" or pairs of "sites" and "titles"')
        asked = split_values(params["ids"])
        if len(asked) > _MOST_IDS:
            limits = {"limit": _MOST_IDS, "lowlimit": _MOST_IDS, "highlimit": 500}
            info = f'Too many values supplied for parameter "ids". The limit is {_MOST_IDS}.'
            raise ApiError("toomanyvalues", info, parameter="ids", **limits)
        for id_ in asked:
            if not _ID.fullmatch(id_) or qid_number(id_) > _LARGEST_ID:
                _no_such_entity(id_, params)
        props = call.several("props", {*_PROPS, "sitelinks/urls"})
        wanted = Wanted(
            _PROPS if props is None else tuple(props),
            tuple(call.several("languages", self._languages) or ()) or None,
            call.flag("languagefallback"),
            tuple(split_values(params.get("sitefilter", ""))),
        )
        ids = dict.fromkeys(id_.upper() for id_ in asked)
        records = {id_: msgspec.json.encode(self._record(id_, wanted, params.get("redirects") != "no")) for id_ in ids}
        fitting = self._fitting(records)
        if len(fitting) < len(records):
            reason = f"would otherwise be larger than the limit of {self._most_bytes:,} bytes."
            call.warn(f"This result was truncated because it {reason}", "result")
        entities = {id_: msgspec.Raw(records[id_]) for id_ in fitting}
        return {**call.warnings(), **({"entities": entities} if ids else {}), "success": 1}

    def _record(self, id_: str, wanted: Wanted, follow: bool) -> Json:
        target = self._redirects.get(id_, id_)
        item = self._items.by_id.get(target)
        if not item or (target != id_ and not follow):
            return {"id": id_, "missing": ""}
        record = wanted.of(item)
        return record if target == id_ else {"redirects": {"from": id_, "to": target}} | record

    def _fitting(self, records: Mapping[str, bytes]) -> list[str]:
        sizes = itertools.accumulate(map(len, records.values()))
        return [id_ for id_, size in zip(records, sizes, strict=True) if size <= self._most_bytes]


def _no_such_entity(id_: str, params: Params) -> NoReturn:
    info = f'Could not find an entity with the ID "{id_}".'
    shown: Any = info if params.get("formatversion") == "2" else {"*": info}
    message = {"name": "wikibase-api-no-such-entity", "parameters": [id_], "html": shown}
    raise ApiError("no-such-entity", info, id=id_, messages=[message])
