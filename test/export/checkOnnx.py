"""Checks ONNX files and runs them: python checkOnnx.py FOLDER -> JSON, file: what is wrong, and its logits.

Of FOLDER/NAME.onnx, NAME.input are the images, row-major in the file's type; without them the file is only checked.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import checker, helper, shape_inference

results = {}
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    model = onnx.load(path)
    result = results[path.stem] = {}
    try:
        checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        # every value of the graph must have got a type and a rank
        known = {info.name for info in (*inferred.graph.value_info, *inferred.graph.output) if info.type.tensor_type.HasField("shape")}
        unknown = [name for node in model.graph.node for name in node.output if name not in known]
        if unknown:
            result["problem"] = f"no shape is inferred for {unknown[0]}"
    except Exception as error:
        result["problem"] = str(error)
    result["opset"] = model.opset_import[0].version
    given = path.with_suffix(".input")
    if not given.exists():
        continue
    [images] = model.graph.input
    sizes = [dim.dim_value or -1 for dim in images.type.tensor_type.shape.dim]
    kind = helper.tensor_dtype_to_np_dtype(images.type.tensor_type.elem_type)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in json.loads(metadata["fliqs.sessionOptions"]).items():
        options.add_session_config_entry(key, value)
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    [logits] = session.run(["logits"], {"images": np.fromfile(given, kind).reshape(sizes)})
    result["logits"] = logits.flatten().tolist()
print(json.dumps({"versions": {"onnx": onnx.__version__, "onnxruntime": ort.__version__}, "files": results}))
