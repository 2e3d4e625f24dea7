"""The making of a model: data, losses, optimizer, resumable runs.

`train_head` trains the draft head on top of a target.

Read `data`, `distil`, `evaluate`, `optim`, `presets`, `runlog`, `state`, `train`, `train_head`, `prompts`,
`own_text`, `lesson`, `train_layer_head`.
"""
