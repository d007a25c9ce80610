# SPDX-License-Identifier: MIT
"""onnx-check.py OPSET MODEL COPY: check MODEL as of that operator set and leave it in COPY."""
import sys

import onnx

model = onnx.load(sys.argv[2])
if len(model.opset_import) != 1 or model.opset_import[0].domain:
    sys.exit("operator sets other than the default one")
model.opset_import[0].version = int(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
onnx.save(model, sys.argv[3])
