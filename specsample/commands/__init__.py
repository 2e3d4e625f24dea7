"""The commands, one file each: `about`, `add_arguments`, `run`.

`cli` lists them. `sampling` is what the first three share.

Read `sampling`, `demo`, `generate`, `trace`, `train`, `evaluate`, `papers`, `check`, `bench`, `plan`, `course`.
"""
