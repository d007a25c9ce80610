// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>

#include "preset.h"

/* A convolution with batch norm, whose bias would add nothing. */
#define CONV_BN(form) "conv " form " same nobias; batchnorm momentum 0.9"
/* Depthwise, then pointwise (Howard et al. 2017). */
#define SEPARABLE(stride, units)            \
	"depthwise 3x3 same stride " stride \
	" nobias; batchnorm momentum 0.9 relu\n" CONV_BN(units " 1x1") " relu\n"

static const char mlp[] = "dense 64 relu; dense 64 relu; output";

static const char cnn[] = "conv 16 3x3 same relu; maxpool 2\n"
			  "conv 32 3x3 same relu; maxpool 2\n"
			  "dense 128 relu; output";

/* LeCun et al. 1998, with one softmax in place of its radial basis functions. */
static const char lenet[] = "conv 6 5x5 same tanh; avgpool 2\n"
			    "conv 16 5x5 tanh; avgpool 2\n"
			    "dense 120 tanh; dense 84 tanh; output";

/* A layer's text a line, which clang-format would tear apart. */
/* clang-format off */

/* He et al. 2016, as small as MLPerf Tiny has it for images of 32 x 32. */
static const char resnet8[] =
	CONV_BN("16 3x3") " relu =a\n"
	CONV_BN("16 3x3") " relu\n"
	CONV_BN("16 3x3") " =b\n"
	"add a b relu =c\n"
	CONV_BN("32 3x3 stride 2") " relu\n"
	CONV_BN("32 3x3") " =d\n"
	"conv 32 1x1 same stride 2 from c =e\n"
	"add d e relu =f\n"
	CONV_BN("64 3x3 stride 2") " relu\n"
	CONV_BN("64 3x3") " =g\n"
	"conv 64 1x1 same stride 2 from f =h\n"
	"add g h relu\n"
	"globalavgpool; output";

/* Howard et al. 2017, a quarter as wide. */
static const char mobilenet[] =
	CONV_BN("8 3x3 stride 2") " relu\n"
	SEPARABLE("1", "16")
	SEPARABLE("2", "32")
	SEPARABLE("1", "32")
	SEPARABLE("2", "64")
	SEPARABLE("1", "64")
	SEPARABLE("2", "128")
	SEPARABLE("1", "128")
	SEPARABLE("1", "128")
	SEPARABLE("1", "128")
	SEPARABLE("1", "128")
	SEPARABLE("1", "128")
	SEPARABLE("2", "256")
	SEPARABLE("1", "256")
	"globalavgpool; output";

static const char kws_cnn[] =
	CONV_BN("16 3x3") " relu; maxpool 2\n"
	CONV_BN("32 3x3") " relu; maxpool 2\n"
	CONV_BN("48 3x3") " relu; maxpool 2\n"
	"dropout 0.4; output";

/* clang-format on */

static const char lstm[] = "lstm 64; dropout 0.2; output";

static const char gru[] = "dropout 0.1; gru 48 bidirectional; dropout 0.4; output";

const struct preset presets[] = {
	{ "mlp", "two hidden layers of 64, for tables", PRESET_ANY, mlp },
	{ "cnn", "two convolutions, for small images", PRESET_IMAGE, cnn },
	{ "lenet", "LeNet-5, for digits", PRESET_IMAGE, lenet },
	{ "resnet8", "residual network of MLPerf Tiny, for images", PRESET_IMAGE, resnet8 },
	{ "mobilenet", "MobileNet of width 0.25, for larger images", PRESET_IMAGE, mobilenet },
	{ "lstm", "one LSTM of 64, for sequences", PRESET_SEQUENCE, lstm },
	{ "gru", "one GRU of 48 both ways, for sequences", PRESET_SEQUENCE, gru },
	{ "kws-cnn", "three convolutions, for spoken words", PRESET_IMAGE, kws_cnn },
};

const char *const preset_names[] = { "mlp",  "cnn", "lenet",   "resnet8", "mobilenet",
				     "lstm", "gru", "kws-cnn", NULL };

int preset_check(const struct preset *preset, const uint32_t dim[3], struct npu_error *err)
{
	const char *wanted = NULL;

	if (preset->input == PRESET_IMAGE && (dim[0] < 8 || dim[1] < 8))
		wanted = "images of at least 8 x 8, or recordings";
	if (preset->input == PRESET_SEQUENCE && (dim[0] != 1 || dim[1] < 2))
		wanted = "sequences: recordings, a .ts file, or a series with --window";
	if (!wanted)
		return 0;
	snprintf(err->message, sizeof(err->message),
		 "--preset %s is for %s; a sample here is %u x %u x %u", preset->name, wanted,
		 dim[0], dim[1], dim[2]);
	return err->code = -EINVAL;
}
