"""README.md with its YAML head (the dataset card of Hugging Face) and croissant.json (MLCommons Croissant 1.0)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from crawler import __version__
from crawler.export_card import COVERED, Card
from crawler.export_files import Layout
from crawler.tables import TABLES, columns_of

LICENCE = (
    "The texts are their publishers'. By default an export holds ids, addresses, dates, names, headlines and digests; "
    "kicker, sapo, body, blocks and captions are left out and are not to be passed on. Whoever may read the text finds "
    "it at the address, and knows by content_digest whether it is the same."
)
FULL_TEXT = "**This export holds full text (`--full-text`): it is for whoever may use it, and not to be passed on.**"
BIASES = (
    "Only what lists, sitemaps, feeds and related links promised was found: old articles are there as far as sitemaps "
    "reach; what was taken down before the first visit is missing.",
    "Foreign editions of vietnam.vn are machine translations (`is_translation`, `translation_of`); papers republish "
    "each other (`source`), so texts are not independent of each other.",
    "Days are days in +07:00. An article that the page does not date stands under `undated`.",
    "A version is a change of cleaned title, sapo or body between two visits; what changed and changed back in between "
    "was not seen.",
    "baoquocte.vn and vietnam.vn are published by bodies of the Vietnamese state: the choice of topics is theirs.",
)
_CROISSANT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {str: "sc:Text", int: "sc:Integer", bool: "sc:Boolean"}


def readme(about: dict[str, Any], card: Card, layout: Layout, tables: Iterable[str]) -> str:
    """The data card. ``about`` is what export.json holds."""
    total, ledger = card.total(), about["ledger"]
    head = ["---", "license: other", "license_name: texts-of-their-publishers", "language:"]
    head += [f"- {language}" for language in card.parts("language ")] or ["- vi"]
    head += [
        "pretty_name: News articles of Vietnam, archived by Bảo Quản",
        f"size_categories: [{_size(total['newest'])}]",
    ]
    head += ["tags: [news, vietnam, web-archive]", *(["configs:"] if layout.is_parquet else [])]
    for table in tables if layout.is_parquet else ():  # JSON lines have to be read with their schema
        path = f"{table}/**/*.parquet" if layout.format != "hf" else f"{table}/*.parquet"
        head += [f"- config_name: {table}", "  data_files:", "  - split: train", f"    path: {path}"]
    lines = [*head, "---", "", "# News articles, archived by Bảo Quản", ""]
    lines += [f"Written {about['written_at']} by bao-quan {__version__}, format {layout.format}, from the archive's "]
    lines += [f"changes {about['after']} to {about['until']} in the order of their commits. {_chosen(about)}", ""]
    lines += [
        "## Licence and use",
        "",
        FULL_TEXT if layout.full_text else LICENCE,
        "" if not layout.full_text else LICENCE,
    ]
    says = ", ".join(f"{name} {count:,}" for name, count in card.parts("says ").items())
    lines += [
        "",
        f"{card.robots()}; the rule that decided stands in `permissions`. Rows with: {says}.",
        "",
    ]
    lines += [
        "## Counts",
        "",
        f"{total['versions']:,} versions, {total['newest']:,} of them the newest of their article.",
    ]
    lines += [_shares(total, about), "", "| site | month | versions | articles | " + " | ".join(COVERED) + " |"]
    lines += ["| --- " * (4 + len(COVERED)) + "|"]
    for key, counts in sorted(card.months.items()):
        site, _, month = key.partition(" ")
        shares = [f"{counts[f'has {field}'] / counts['versions']:.0%}" for field in COVERED]
        lines.append("| " + " | ".join([site, month, str(counts["versions"]), str(counts["newest"]), *shares]) + " |")
    lines += ["", "Shares are those of versions in which the field is filled in the archive.", ""]
    lines += [
        "## Completeness",
        "",
        "What became of the article addresses that were found, by host, in the whole archive:",
        "",
    ]
    for host, counts in ledger["addresses"].items():
        lines.append(f"- {host}: " + ", ".join(f"{what} {count:,}" for what, count in counts.items()))
    lines += ["", "Articles now: " + (_listed(ledger["states"]) or "none") + "."]
    lines += ["Taken from another article, by how it was found: " + (_listed(ledger["copies"]) or "none known") + "."]
    lines += ["", "## Left out", "", (_listed(about["left_out"]) or "nothing") + "."]
    lines += ["", f"Take-downs in force when it was written: {ledger['exclusions']:,}. No table holds what they name."]
    lines += ["", "## Extractors", "", _listed(card.parts("page ")) + "."]
    lines += ["", "## Known biases", "", *(f"- {bias}" for bias in BIASES), ""]
    return "\n".join(lines)


def croissant(about: dict[str, Any], layout: Layout, tables: Iterable[str]) -> str:
    """Croissant 1.0 (docs.mlcommons.org/croissant): files, and of Parquet the plain columns; all stand in schema/."""
    files, sets = [], []
    kind = "application/x-parquet" if layout.is_parquet else "application/jsonlines"
    for table in tables:
        includes = f"{table}/*.parquet" if layout.format == "hf" else f"{table}/*/*/*.{layout.ending}"
        files.append(
            {
                "@type": "cr:FileSet",
                "@id": f"{table}-files",
                "name": f"{table}-files",
                "description": f"Files of the table {table}.",
                "encodingFormat": kind,
                "includes": includes,
            }
        )
        if not layout.is_parquet:  # its readers guess the types of JSON lines
            continue
        fields = []
        for name, hint in columns_of(table, layout.in_path).items():
            plain = next((kind for of, kind in _TYPES.items() if hint in (of, of | None)), None)
            if plain:
                source = {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": name}}
                field = {"@type": "cr:Field", "@id": f"{table}/{name}", "name": name, "dataType": plain}
                fields.append(field | {"source": source})
        about_table = (TABLES[table].__doc__ or "").splitlines()[0]
        record_set = {"@type": "cr:RecordSet", "@id": table, "name": table, "description": about_table}
        sets.append(record_set | {"field": fields})
    value = {
        "@context": _CROISSANT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "bao-quan-news",
        "description": f"News articles, archived by Bảo Quản. {_chosen(about)} {LICENCE}",
        "license": "The texts are their publishers'; see README.md",
        "citeAs": "Cite the articles by their addresses and record ids; the archive by its operator and date.",
        "version": f"1.0.{about['until']}",
        "datePublished": about["written_at"][:10],
        "isLiveDataset": about["cursor"] is not None,
        "distribution": files,
        "recordSet": sets,
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _chosen(about: dict[str, Any]) -> str:
    chosen = [f"captured since {about['since']}"] if about["since"] else []
    chosen += [f"with the tag {about['tag']}"] if about["tag"] else []
    chosen += ["newest versions only"] if about["latest"] else []
    return f"Chosen: {', '.join(chosen)}." if chosen else "Everything of these was taken."


def _shares(total: Any, about: dict[str, Any]) -> str:
    versions = total["versions"] or 1
    return (
        f"Machine translations {total['translations'] / versions:.1%}, from another paper "
        f"{total['from another paper'] / versions:.1%}, suspect {total['suspect'] / versions:.1%}; newest versions "
        f"whose text another article has word by word: {about['same_texts']:,}."
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _size(count: int) -> str:
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((f'"{name}"' for bound, name in bounds if count < bound), '"1M<n<10M"')
