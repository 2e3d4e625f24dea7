"""The commands, one file each: `about`, `add_arguments`, `run`.

`cli` lists them. `sampling` is what the first three share, `user_code` finds what `check` is told to judge.

Read `user_code`, `sampling`, `race`, `demo`, `generate`, `chat`, `trace`, `train`, `evaluate`, `papers`, `check`,
`bench`, `plan`, `course`.
"""
