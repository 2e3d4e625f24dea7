"""The exact laws, and the mistakes that they must be told from.

From `lazy`, a uniform number that forks when it is compared, to `search`.

Read `lazy`, `exact`, `setting`, `probes`, `open_round`, `wrong_rules`, `wrong_blocks`, `wrong_rounds`, `rule`,
`wrong_samplers`, `right_samplers`, `search`, `accepted`.
"""
