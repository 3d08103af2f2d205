"""How right a linker is: gold read, links compared with it and with other systems' links, and what came out.

`gold` reads benchmarks and says what of them counts, `ids` whose entities do; `predictions` links them; `scores`
counts; `errors` says what went wrong; `calibration` compares confidence with being right; `peers` are other systems;
`report` prints.
"""
