"""An index: a folder of memory-mapped files that holds names, entities and how they hang together.

`dump` reads Wikidata's JSON, `records` has what is known of one item, `writer` lays items out as arrays, `build`
runs them over a dump, `reader` opens the result and `fuzzy` finds similar names in it. `format` is what writer and
reader have in common.
"""
