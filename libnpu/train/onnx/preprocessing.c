// SPDX-License-Identifier: MIT
/*
 * DOC: arithmetic in front of the first layer
 *
 * Add, Sub, Mul and Div of constants add up to (x - mean) * factor, in double. What
 * npu_model_save() wrote, a Sub and then a Mul, gives back the same bits.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "import.h"

static int begin(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	if (im->mean)
		return 0;
	im->mean = calloc(im->features, sizeof(*im->mean));
	im->factor = calloc(im->features, sizeof(*im->factor));
	if (!im->mean || !im->factor)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu features", im->features);
	for (size_t f = 0; f < im->features; f++)
		im->factor[f] = 1;
	return 0;
}

/*
 * Distance in @operand's elements of neighbours along each of the view's dimensions, by ONNX's
 * broadcasting: shapes are aligned at their ends, and a dimension of 1 serves all. The batch is
 * one sample here.
 */
static bool find_strides(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			 const struct npu_onnx_array *operand, size_t stride[NPU_ONNX_MAX_RANK])
{
	size_t step = 1;

	for (size_t i = 0; i < view->rank; i++)
		stride[i] = 0;
	for (size_t k = 0; k < operand->rank; k++) {
		size_t n = operand->dim[operand->rank - 1 - k], i = view->rank - 1 - k;

		if (k < view->rank && n > 1 && n == npu_onnx_view_size(im, view, i))
			stride[i] = step;
		else if (n != 1)
			return false;
		step *= n;
	}
	return operand->rank <= view->rank;
}

/* Which element of the operand meets the sample's element @feature, both in the file's order. */
static size_t locate(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		     const size_t stride[NPU_ONNX_MAX_RANK], size_t feature)
{
	size_t at = 0;

	for (size_t i = view->rank; i-- > 0;) {
		size_t size = npu_onnx_view_size(im, view, i);

		at += feature % size * stride[i];
		feature /= size;
	}
	return at;
}

int npu_onnx_import_preprocessing(struct npu_onnx_import *im, const NpuOnnx__Node *node,
				  const struct npu_onnx_view *view,
				  const struct npu_onnx_array *operand, char op)
{
	size_t stride[NPU_ONNX_MAX_RANK];
	int ret;

	if (!find_strides(im, view, operand, stride))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its constant of %zu values does not fit a sample of %zu; one "
				     "value, one a channel or one a feature would",
				     operand->count, im->features);
	ret = begin(im, node);
	if (ret)
		return ret;
	for (size_t i = 0; i < im->features; i++) {
		double value = operand->value[locate(im, view, stride, i)];
		size_t f = npu_onnx_locate(im, view, i);

		switch (op) {
		case '-':
			im->mean[f] += value / im->factor[f];
			break;
		case '+':
			im->mean[f] -= value / im->factor[f];
			break;
		case '*':
			im->factor[f] *= value;
			break;
		case '/':
			im->factor[f] /= value;
			break;
		}
		if (!isfinite((float)im->mean[f]) || !isfinite((float)im->factor[f]))
			return npu_onnx_fail(im, node, -ERANGE,
					     "preprocessing of feature %zu becomes infinite or not "
					     "a number; correct its constant %g",
					     i, value);
	}
	return 0;
}
