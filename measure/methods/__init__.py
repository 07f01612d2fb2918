"""The number formats that a checkpoint can be measured in: `table` lists them, the other files do the work.

Every method is a function `(model, chosen, format, calibration) -> Quantized`: `chosen` maps the names of the layers to
round to the layers; the model is left as it was.
"""
