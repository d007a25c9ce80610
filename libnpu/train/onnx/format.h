/* SPDX-License-Identifier: MIT */
/*
 * What reader and writer agree on beyond ONNX itself.
 *
 * A model written here takes samples as they lie in memory: [batch, features], [batch, T, C] for
 * a sequence, or [batch, H, W, C]. Metadata say so under NPU_ONNX_LAYOUT; a model without it is
 * taken to be [batch, C, H, W] where it has four dimensions, as ONNX has it. Classes are
 * NPU_ONNX_CLASS "0", "1", ...; the seed is under NPU_ONNX_SEED, and what a layer is beyond what
 * it computes under NPU_ONNX_LAYER and its name (facts.h), what values it has had in
 * quantisation-aware training under NPU_ONNX_RANGE (ranges.h). The last node of a layer has the
 * layer's name, or where an activation belongs to the layer that one's has it and NPU_ONNX_FUSED.
 */
#ifndef NPU_ONNX_FORMAT_H
#define NPU_ONNX_FORMAT_H

#define NPU_ONNX_LAYOUT "npu.layout"
#define NPU_ONNX_LAYOUT_NHWC "NHWC"
#define NPU_ONNX_CLASS "npu.class."
#define NPU_ONNX_SEED "npu.seed"
#define NPU_ONNX_LAYER "npu.layer."
#define NPU_ONNX_RANGE "npu.range"
#define NPU_ONNX_FUSED "/activation"
#define NPU_ONNX_WEIGHT ".weight"
#define NPU_ONNX_BIAS ".bias"

/* Values of ONNX's enumerations. */
enum npu_onnx_type {
	NPU_ONNX_FLOAT = 1,
	NPU_ONNX_INT32 = 6,
	NPU_ONNX_INT64 = 7,
	NPU_ONNX_BOOL = 9,
};

enum npu_onnx_attribute_type {
	NPU_ONNX_ATTRIBUTE_FLOAT = 1,
	NPU_ONNX_ATTRIBUTE_INT = 2,
	NPU_ONNX_ATTRIBUTE_STRING = 3,
	NPU_ONNX_ATTRIBUTE_TENSOR = 4,
	NPU_ONNX_ATTRIBUTE_FLOATS = 6,
	NPU_ONNX_ATTRIBUTE_INTS = 7,
	NPU_ONNX_ATTRIBUTE_STRINGS = 8,
};

/* Constants of selu, as ONNX gives them. */
#define NPU_ONNX_SELU_ALPHA 1.67326319217681884765625f
#define NPU_ONNX_SELU_GAMMA 1.05070102214813232421875f

/* protobuf's own limit for a message. */
#define NPU_ONNX_MAX_BYTES 0x7fffffffu

#endif /* NPU_ONNX_FORMAT_H */
