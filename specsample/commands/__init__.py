"""One file a command, of one shape: `about`, `add_arguments`, `run`.

Read `bench`, `check`, `course`, `plan`, `arguments`.
"""
