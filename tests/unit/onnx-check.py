# SPDX-License-Identifier: MIT
"""
onnx-check.py FOLDER OPSET...: check every NAME.onnx that FOLDER/names lists (NAME, a blank, what
it is) as of each operator set, and leave it in NAME-OPSET.onnx. A line for each model: "ok NAME" or
"not NAME why".
"""
import sys

import onnx

folder = sys.argv[1]
with open(f"{folder}/names", encoding="utf-8") as lines:
    names = [line.split(" ", 1)[0] for line in lines]
for name in names:
    try:
        for opset in sys.argv[2:]:
            model = onnx.load(f"{folder}/{name}.onnx")
            if len(model.opset_import) != 1 or model.opset_import[0].domain:
                raise ValueError("operator sets other than the default one")
            model.opset_import[0].version = int(opset)
            onnx.checker.check_model(model, full_check=True)
            onnx.save(model, f"{folder}/{name}-{opset}.onnx")
        print("ok", name)
    except Exception as error:
        print("not", name, f"opset {opset}:", str(error).replace("\n", " ")[:300])
