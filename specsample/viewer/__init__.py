"""A run to step through: one self-contained piece of HTML.

It shows what the sampler recorded and computes nothing of its own: the record knows nothing of it.

Read `origins`, `text`, `columns`, `record`, `still`, `page`, `shown`, `recorded`, `widgets`.
"""
