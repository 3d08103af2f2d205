"""Knowledge that is asked live of a Wikibase: Wikidata, or another one.

`source` is the knowledge source, which makes candidates (`candidates`) of items as ranking reads them (`profile`).
`client` asks for names and items (`api` reads the answers), each request through `transport`; `cached` stands before
it and spares it what is known.
"""
