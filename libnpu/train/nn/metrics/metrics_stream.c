// SPDX-License-Identifier: MIT
/* Metrics of a stream: checks, and who gets what. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "metrics_stream.h"
#include "runtime/error.h"

#define DEFAULT_SCORE_BYTES ((size_t)64 << 20)

static int check_shape(const struct npu_metrics_stream *s, struct npu_error *err)
{
	if (!s->outputs || (!s->classes && !s->targets))
		return npu_error_set(err, -EINVAL,
				     "metrics: %zu outputs for %zu classes and %zu targets; there "
				     "is nothing to compare",
				     s->outputs, s->classes, s->targets);
	if (s->classes && s->outputs != s->classes && !(s->outputs == 1 && s->classes == 2))
		return npu_error_set(err, -EINVAL,
				     "metrics: %zu outputs for %zu classes; a model has one output "
				     "a class, or one for two classes",
				     s->outputs, s->classes);
	if (!s->classes && s->outputs != s->targets)
		return npu_error_set(
			err, -EINVAL,
			"metrics: %zu outputs for %zu targets; a model has one output a target",
			s->outputs, s->targets);
	if (s->options.top_k && s->options.top_k >= s->classes)
		return npu_error_set(
			err, -EINVAL, "metrics: the first %u of %zu classes are %s; ask for fewer",
			s->options.top_k, s->classes, s->classes ? "all of them" : "none");
	return 0;
}

int npu_metrics_stream_create(struct npu_metrics_stream **stream, size_t classes, size_t targets,
			      size_t outputs, const struct npu_metrics_options *options,
			      struct npu_error *err)
{
	struct npu_metrics_stream *s = calloc(1, sizeof(*s));
	int ret;

	*stream = NULL;
	if (!s)
		return npu_error_set(err, -ENOMEM, "metrics: out of memory");
	if (options)
		s->options = *options;
	if (!s->options.score_bytes)
		s->options.score_bytes = DEFAULT_SCORE_BYTES;
	s->classes = classes;
	s->targets = targets;
	s->outputs = outputs;
	ret = check_shape(s, err);
	if (ret)
		goto err_free;
	if (classes)
		s->class_sums = npu_class_sums_create(classes);
	else
		s->target_sums = npu_target_sums_create(targets);
	if (classes && !s->options.no_auc)
		s->scores = npu_scores_create(outputs, s->options.score_bytes);
	if (classes ? !s->class_sums || (!s->options.no_auc && !s->scores) : !s->target_sums) {
		ret = npu_error_set(err, -ENOMEM, "metrics: out of memory for %zu %s",
				    classes ? classes : targets, classes ? "classes" : "targets");
		goto err_free;
	}
	*stream = s;
	return 0;

err_free:
	npu_metrics_stream_free(s);
	return ret;
}

void npu_metrics_stream_free(struct npu_metrics_stream *stream)
{
	if (!stream)
		return;
	npu_class_sums_free(stream->class_sums);
	npu_target_sums_free(stream->target_sums);
	npu_scores_free(stream->scores);
	free(stream);
}

static int check_answer(const struct npu_metrics_stream *s, const struct npu_answers *answers,
			size_t i, struct npu_error *err)
{
	size_t t;

	if (answers->weights && !(answers->weights[i] >= 0 && isfinite(answers->weights[i])))
		return npu_error_set(err, -EINVAL,
				     "metrics: the weight of sample %zu is %g; weights are numbers "
				     "from 0 on",
				     s->samples + i, (double)answers->weights[i]);
	if (s->classes) {
		if (answers->labels[i] >= 0 && (size_t)answers->labels[i] < s->classes)
			return 0;
		return npu_error_set(err, -ERANGE,
				     "metrics: label %d of sample %zu is not in [0, %zu)",
				     answers->labels[i], s->samples + i, s->classes);
	}
	for (t = 0; t < s->targets; t++)
		if (!isfinite(answers->targets[i * s->targets + t]))
			return npu_error_set(err, -EINVAL,
					     "metrics: target %zu of sample %zu is %f; leave the "
					     "sample out, or give it weight 0 and a number",
					     t, s->samples + i,
					     (double)answers->targets[i * s->targets + t]);
	return 0;
}

static int check_batch(const struct npu_metrics_stream *s, const struct npu_answers *answers,
		       const float *y, struct npu_error *err)
{
	size_t i;
	int ret;

	if (s->classes ? !answers->labels : !answers->targets)
		return npu_error_set(err, -EINVAL, "metrics: the answers have no %s",
				     s->classes ? "labels" : "targets");
	for (i = 0; i < answers->samples * s->outputs; i++)
		if (!isfinite(y[i]))
			return npu_error_set(err, -EDOM,
					     "metrics: output %zu of sample %zu is %f; the model "
					     "has diverged: train it at a lower rate",
					     i % s->outputs, s->samples + i / s->outputs,
					     (double)y[i]);
	for (i = 0; i < answers->samples; i++) {
		ret = check_answer(s, answers, i, err);
		if (ret)
			return ret;
	}
	return 0;
}

int npu_metrics_stream_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			   const float *y, struct npu_error *err)
{
	int ret = check_batch(stream, answers, y, err);

	if (!ret && stream->scores)
		ret = npu_scores_add(stream->scores, answers, y, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < answers->samples; i++)
		npu_exact_add(&stream->weight, npu_answer_weight(answers, i));
	if (stream->classes)
		npu_class_sums_add(stream, answers, y);
	else
		npu_target_sums_add(stream, answers, y);
	stream->samples += answers->samples;
	return 0;
}

int npu_metrics_stream_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics,
			      struct npu_error *err)
{
	double weight = npu_exact_value(&stream->weight, NULL);
	int ret = 0;

	*metrics = (struct npu_metrics){ .accuracy = NAN,
					 .precision = NAN,
					 .recall = NAN,
					 .f1 = NAN,
					 .top_k_accuracy = NAN,
					 .auc = NAN,
					 .auc_error = NAN,
					 .log_loss = NAN,
					 .mse = NAN,
					 .rmse = NAN,
					 .mae = NAN,
					 .r2 = NAN };
	if (!stream->samples)
		return npu_error_set(err, -EINVAL,
				     "metrics: no samples; there is nothing to "
				     "compare");
	if (weight == 0)
		return npu_error_set(err, -EINVAL,
				     "metrics: all %zu samples have weight 0; give some another",
				     stream->samples);
	metrics->samples = stream->samples;
	metrics->weight = weight;
	metrics->classes = stream->classes;
	if (stream->classes)
		ret = npu_class_sums_finish(stream, metrics, err);
	else
		npu_target_sums_finish(stream, metrics);
	if (!ret && stream->scores)
		ret = npu_scores_finish(stream->scores, metrics, err);
	if (ret)
		npu_metrics_free(metrics);
	return ret;
}
