// SPDX-License-Identifier: MIT
/*
 * Files of all layers, damaged: cut, flipped, and with single fields of the message changed to
 * what an attacker would put there. Each is refused with a sentence, or is a model that predicts.
 */
#include "onnx.pb-c.h"
#include "onnx_networks.h"

#define CUTS 120
#define FLIPS 500
#define CHANGES 500

/* A model that loads is used, unless it is large. */
static void use(struct npu_model *model)
{
	size_t outputs = npu_model_outputs(model), features = npu_model_features(model);
	float *x, *y;

	for (size_t i = 0; i < npu_model_layers(model); i++) {
		uint32_t dim[3];

		assert_int_equal(npu_model_layer_dim(model, i, dim), 0);
		if ((uint64_t)dim[0] * dim[1] * dim[2] > 100000)
			return;
	}
	if (features > 100000)
		return;
	x = calloc(features, sizeof(*x));
	y = calloc(outputs, sizeof(*y));
	assert_non_null(x);
	assert_non_null(y);
	(void)npu_model_predict(model, x, 1, 1, y, NULL);
	free(x);
	free(y);
}

static void load_damaged(const uint8_t *bytes, size_t size)
{
	struct npu_error err = { .message = "" };
	struct npu_model *model = NULL;

	write_bytes("d.onnx", bytes, size);
	if (!npu_model_load(&model, "d.onnx", &err)) {
		use(model);
		npu_model_free(model);
		return;
	}
	assert_null(model);
	if (strncmp(err.message, "d.onnx: ", 8) || strchr(err.message, '\n'))
		fail_msg("no sentence: \"%s\"", err.message);
}

static void cut(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < CUTS; i++)
		load_damaged(bytes, size * i / CUTS);
}

static void flip(const uint8_t *bytes, size_t size, uint32_t *random)
{
	uint8_t *copy = malloc(size);

	assert_non_null(copy);
	for (int k = 0; k < FLIPS; k++) {
		size_t at;

		memcpy(copy, bytes, size);
		if (k & 1) {
			copy[next_random(random) % size] ^= (uint8_t)(1 << next_random(random) % 8);
		} else {
			/* Lengths and tags are where the small numbers are. */
			do
				at = next_random(random) % size;
			while (copy[at] >= 0x30);
			copy[at] = (uint8_t)next_random(random);
		}
		load_damaged(copy, size);
	}
	free(copy);
}

static int64_t odd_number(uint32_t *random)
{
	static const int64_t odd[] = { 0,	  -1,	     1,		2,	 3,
				       4,	  7,	     255,	65536,	 INT32_MAX,
				       INT32_MIN, INT64_MAX, INT64_MIN, 1 << 24, -2,
				       5,	  6,	     100,	1000003, (1 << 24) + 1 };

	return odd[next_random(random) % (sizeof(odd) / sizeof(odd[0]))];
}

static void change_node(NpuOnnx__Graph *g, uint32_t *random)
{
	static char *const ops[] = {
		"Conv",	      "ConvTranspose", "MaxPool",   "AveragePool",
		"LSTM",	      "GRU",	       "RNN",	    "Gemm",
		"MatMul",     "Reshape",       "Transpose", "Concat",
		"Add",	      "Sum",	       "Gather",    "Squeeze",
		"Unsqueeze",  "Flatten",       "Clip",	    "Pad",
		"ReduceMean", "Slice",	       "Shape",	    "BatchNormalization",
		"Div",	      "Erf",	       "Mul",	    "GlobalMaxPool",
		"Expand",     "Identity",      "Dropout",   "LayerNormalization"
	};
	NpuOnnx__Node *n = g->node[next_random(random) % g->n_node];
	NpuOnnx__Node *other = g->node[next_random(random) % g->n_node];

	switch (next_random(random) % 4) {
	case 0:
		n->op_type = ops[next_random(random) % (sizeof(ops) / sizeof(ops[0]))];
		break;
	case 1: /* It reads what another one makes or reads. */
		if (n->n_input)
			n->input[next_random(random) % n->n_input] =
				other->n_input && next_random(random) & 1
					? other->input[next_random(random) % other->n_input]
					: other->output[0];
		break;
	case 2: /* Fewer inputs. */
		if (n->n_input)
			n->n_input--;
		break;
	default: /* The attributes of another one. */
		n->n_attribute = other->n_attribute;
		n->attribute = other->attribute;
	}
}

static void change_attribute(NpuOnnx__Graph *g, uint32_t *random)
{
	const NpuOnnx__Node *n = g->node[next_random(random) % g->n_node];
	NpuOnnx__Attribute *a;

	if (!n->n_attribute)
		return;
	a = n->attribute[next_random(random) % n->n_attribute];
	if (a->n_ints && next_random(random) & 1)
		a->ints[next_random(random) % a->n_ints] = odd_number(random);
	else if (a->n_ints)
		a->n_ints--;
	else
		a->i = odd_number(random);
	a->f = (float)odd_number(random);
}

static void change_tensor(NpuOnnx__Graph *g, uint32_t *random)
{
	NpuOnnx__Tensor *t, *other;

	if (!g->n_initializer)
		return;
	t = g->initializer[next_random(random) % g->n_initializer];
	other = g->initializer[next_random(random) % g->n_initializer];
	switch (next_random(random) % 5) {
	case 0:
		if (t->n_dims)
			t->dims[next_random(random) % t->n_dims] = odd_number(random);
		break;
	case 1: /* The same count in another shape. */
		if (t->n_dims > 1) {
			int64_t d = t->dims[0];

			t->dims[0] = t->dims[t->n_dims - 1];
			t->dims[t->n_dims - 1] = d;
		}
		break;
	case 2:
		t->n_dims -= t->n_dims > 0;
		break;
	case 3: /* The values of another one, shape and all. */
		t->raw_data = other->raw_data;
		t->dims = other->dims;
		t->n_dims = other->n_dims;
		break;
	default:
		if (t->data_type == 7 && t->raw_data.len >= 8) {
			int64_t value = odd_number(random);

			memcpy(t->raw_data.data + 8 * (next_random(random) % (t->raw_data.len / 8)),
			       &value, 8);
		} else {
			t->data_type = next_random(random) % 12;
		}
	}
}

static void change_shape(NpuOnnx__Graph *g, uint32_t *random)
{
	NpuOnnx__Shape *s = g->input[0]->type->tensor_type->shape;
	NpuOnnx__Dimension *d = s->dim[next_random(random) % s->n_dim];

	d->has_dim_value = true;
	d->dim_value = odd_number(random);
	if (next_random(random) & 1 && s->n_dim > 1)
		s->n_dim--;
}

/**
 * struct arena - memory of a message whose parts come to be shared
 * @block: [blocks] released together
 */
struct arena {
	void **block;
	size_t blocks;
};

static void *arena_alloc(void *context, size_t size)
{
	struct arena *arena = context;

	arena->block = realloc(arena->block, (arena->blocks + 1) * sizeof(*arena->block));
	assert_non_null(arena->block);
	return arena->block[arena->blocks++] = malloc(size ? size : 1);
}

static void arena_free(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

static void arena_release(struct arena *arena)
{
	while (arena->blocks)
		free(arena->block[--arena->blocks]);
	free(arena->block);
}

static void change_something(NpuOnnx__Graph *g, uint32_t *random)
{
	switch (next_random(random) % 8) {
	case 0:
		change_shape(g, random);
		break;
	case 1:
	case 2:
		change_attribute(g, random);
		break;
	case 3:
	case 4:
		change_tensor(g, random);
		break;
	default:
		change_node(g, random);
	}
}

/* A message that is well-formed and means something else. */
static void change(const uint8_t *bytes, size_t size, bool ours, uint32_t *random)
{
	for (int k = 0; k < CHANGES; k++) {
		struct arena arena = { 0 };
		ProtobufCAllocator allocator = { arena_alloc, arena_free, &arena };
		NpuOnnx__Model *m = npu_onnx__model__unpack(&allocator, size, bytes);
		uint8_t *changed;

		assert_non_null(m);
		for (uint32_t n = 1 + next_random(random) % 3; n; n--)
			change_something(m->graph, random);
		if (!ours)
			m->n_metadata_props = 0;
		changed = arena_alloc(&arena, npu_onnx__model__get_packed_size(m));
		load_damaged(changed, npu_onnx__model__pack(m, changed));
		arena_release(&arena);
	}
}

static void test_network(void **state)
{
	const struct network *n = *state;
	struct npu_model *model = make_network(n);
	uint32_t random = 2026;
	struct npu_error err;
	uint8_t *bytes;
	size_t size;

	if (npu_model_save(model, "m.onnx", &err))
		fail_msg("%s", err.message);
	bytes = read_bytes("m.onnx", &size);
	cut(bytes, size);
	flip(bytes, size, &random);
	change(bytes, size, true, &random);
	change(bytes, size, false, &random);
	free(bytes);
	npu_model_free(model);
}

int main(void)
{
	static struct CMUnitTest tests[NETWORKS];

	for (size_t i = 0; i < NETWORKS; i++)
		tests[i] = (struct CMUnitTest){ .name = networks[i].name,
						.test_func = test_network,
						.initial_state = (void *)&networks[i] };
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
