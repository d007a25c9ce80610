// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference.h"
#include "terminal.h"

const char *const inference_devices[] = {
	[NPU_BACKEND_AUTO] = "auto",
	[NPU_BACKEND_DRIVER] = "driver",
	[NPU_BACKEND_EMBEDDED] = "embedded",
	NULL,
};

int inference_open_device(struct inference *run, const struct inference_options *options)
{
	struct npu_device_options device = {
		.backend = (enum npu_backend)options->device,
		.path = options->node,
		.variant = options->variant,
		.no_uring = options->no_uring,
	};
	struct npu_error err = { 0 };

	if (npu_device_open(&run->device, &device, &err) < 0) {
		cli_fail_error(&err);
		return options->device == NPU_BACKEND_DRIVER ? CLI_NO_DEVICE : CLI_FAILED;
	}
	npu_device_info(run->device, &run->info);
	return CLI_OK;
}

int inference_open(struct inference *run, const char *path, const struct inference_options *options)
{
	struct npu_error err = { 0 };
	int code;

	memset(run, 0, sizeof(*run));
	if (cli_ends_with(path, ".onnx"))
		return cli_fail(CLI_USAGE,
				"%s is a model, not a program; make one first: npu "
				"compile %s --samples DATA -o model.npu",
				path, path);
	if (npu_program_load(&run->program, path, &err) < 0)
		return cli_fail_error(&err);
	code = inference_open_device(run, options);
	if (code != CLI_OK)
		goto err_close;
	run->lengths = npu_program_input(run->program, 1);
	if (npu_program_inputs(run->program) > 2 || npu_program_outputs(run->program) != 1 ||
	    (run->lengths && run->lengths->element != NPU_INT32)) {
		code = cli_fail(CLI_FAILED,
				"%s has %u inputs and %u outputs; this command feeds "
				"programs with one of each, and the lengths of sequences",
				path, npu_program_inputs(run->program),
				npu_program_outputs(run->program));
		goto err_close;
	}
	run->input = npu_program_input(run->program, 0);
	run->output = npu_program_output(run->program, 0);
	run->batch = run->input->dim[0];
	run->features = run->input->elements / run->batch;
	run->outputs = run->output->elements / run->batch;
	return CLI_OK;

err_close:
	inference_close(run);
	return code;
}

void inference_close(struct inference *run)
{
	npu_device_close(run->device);
	npu_program_free(run->program);
	memset(run, 0, sizeof(*run));
}

unsigned int inference_threads(const struct inference *run, const struct inference_options *options)
{
	if (run->info.backend != NPU_BACKEND_EMBEDDED)
		return 0;
	return options->threads == INFERENCE_THREADS_AUTO ? run->info.cores : options->threads;
}

/* Samples of request @r, which starts at sample @first. */
static size_t samples_of(const struct inference *run, size_t first, size_t samples)
{
	return samples - first < run->batch ? samples - first : run->batch;
}

/* Steps of the sequences from @first on; all of them where it isn't known. */
static void fill_lengths(const struct inference *run, struct npu_request *request,
			 const uint32_t *lengths, size_t first, size_t count)
{
	int32_t *to = run->lengths ? npu_request_input(request, 1) : NULL;
	size_t i;

	for (i = 0; to && i < run->batch; i++)
		to[i] = (int32_t)(lengths && i < count ? lengths[first + i] : run->input->dim[2]);
}

/* Write the samples from @first on into @request; the rest of the batch is zero. */
static int fill(const struct inference *run, struct npu_request *request, const float *x,
		const uint32_t *lengths, size_t first, size_t samples, float *padded)
{
	size_t count = samples_of(run, first, samples);
	const float *from = x + first * run->features;

	if (count < run->batch) {
		memset(padded, 0, run->input->elements * sizeof(*padded));
		memcpy(padded, from, count * run->features * sizeof(*padded));
		from = padded;
	}
	npu_request_set_user(request, (void *)(uintptr_t)first);
	fill_lengths(run, request, lengths, first, count);
	return npu_request_write_f32(request, 0, from);
}

/* Read what @request has computed to its place in @y. */
static int drain(const struct inference *run, struct npu_request *request, float *y, size_t samples,
		 float *padded)
{
	size_t first = (uintptr_t)npu_request_user(request);
	size_t count = samples_of(run, first, samples);
	float *to = y + first * run->outputs;
	int ret;

	if (count == run->batch)
		return npu_request_read_f32(request, 0, to);
	ret = npu_request_read_f32(request, 0, padded);
	if (ret == 0)
		memcpy(to, padded, count * run->outputs * sizeof(*to));
	return ret;
}

/* A request that ended with @result: the sentence for it. */
static int request_failed(int result, size_t first, struct npu_error *err)
{
	err->code = result;
	snprintf(err->message, sizeof(err->message),
		 "the request for sample %zu ended with: %s; see `npu info` and the kernel log",
		 first, strerror(-result));
	return result;
}

/**
 * struct pump - requests going round
 * @next: first sample that has not been submitted
 * @done: samples that are finished
 * @padded: room for one request's input or output
 */
struct pump {
	struct inference *run;
	struct npu_session *session;
	const float *x;
	const uint32_t *lengths;
	float *y;
	size_t samples, next, done;
	float *padded;
};

/* Submit as many of the @count idle requests as there is work for. */
static int pump_submit(struct pump *pump, struct npu_request **idle, unsigned int count,
		       struct npu_error *err)
{
	unsigned int used = 0;
	int ret;

	for (; used < count && pump->next < pump->samples; used++) {
		ret = fill(pump->run, idle[used], pump->x, pump->lengths, pump->next, pump->samples,
			   pump->padded);
		if (ret < 0)
			return request_failed(ret, pump->next, err);
		pump->next += pump->run->batch;
	}
	return used ? npu_submit(pump->session, idle, used, err) : 0;
}

/* Take finished requests; returns how many are in @finished. */
static int pump_reap(struct pump *pump, struct npu_request **finished, unsigned int max,
		     struct npu_error *err)
{
	int count = npu_reap(pump->session, finished, max, -1, err);

	for (int i = 0; i < count; i++) {
		size_t first = (uintptr_t)npu_request_user(finished[i]);
		int ret = npu_request_result(finished[i]);

		if (ret == 0)
			ret = drain(pump->run, finished[i], pump->y, pump->samples, pump->padded);
		if (ret < 0)
			return request_failed(ret, first, err);
		pump->done += samples_of(pump->run, first, pump->samples);
	}
	return count;
}

static int pump_all(struct pump *pump, struct npu_request **requests, unsigned int count,
		    struct npu_error *err)
{
	int ret = pump_submit(pump, requests, count, err);

	while (ret >= 0 && pump->done < pump->samples) {
		ret = pump_reap(pump, requests, count, err);
		if (ret > 0)
			ret = pump_submit(pump, requests, (unsigned int)ret, err);
		terminal_progress((double)pump->done / (double)pump->samples, "");
	}
	return ret;
}

int inference_predict(struct inference *run, const struct inference_options *options,
		      const float *x, const uint32_t *lengths, size_t samples, float *y,
		      double *seconds, struct npu_error *err)
{
	struct npu_session_options session = {
		.requests = options->in_flight,
		.threads = inference_threads(run, options),
	};
	size_t room = run->input->elements > run->output->elements ? run->input->elements
								   : run->output->elements;
	struct pump pump = {
		.run = run,
		.x = x,
		.lengths = lengths,
		.y = y,
		.samples = samples,
	};
	struct npu_request **requests;
	double began;
	int ret;

	ret = npu_session_open(&pump.session, run->device, run->program, &session, err);
	if (ret < 0)
		return ret;
	requests = calloc(options->in_flight, sizeof(*requests));
	pump.padded = calloc(room, sizeof(*pump.padded));
	if (!requests || !pump.padded) {
		ret = request_failed(-ENOMEM, 0, err);
		goto out;
	}
	for (unsigned int i = 0; i < options->in_flight; i++)
		requests[i] = npu_session_request(pump.session, i);
	terminal_progress_begin("inference");
	began = terminal_clock();
	ret = pump_all(&pump, requests, options->in_flight, err);
	if (seconds)
		*seconds = terminal_clock() - began;
	terminal_progress_end();
out:
	free(pump.padded);
	free(requests);
	npu_session_close(pump.session);
	return ret < 0 ? ret : 0;
}

void inference_where(const struct inference *run, char *text, size_t bytes)
{
	const struct npu_device_info *info = &run->info;

	if (info->backend == NPU_BACKEND_DRIVER)
		snprintf(text, bytes, "on %s through %s (%s backend, %s)", info->path,
			 info->uring ? "io_uring" : "ioctl", info->name, info->variant);
	else
		snprintf(text, bytes, "in this process (embedded backend, %s)", info->variant);
}

struct json_object *inference_json(const struct inference *run)
{
	const struct npu_device_info *info = &run->info;
	struct json_object *object = json_object_new_object();
	bool driver = info->backend == NPU_BACKEND_DRIVER;

	json_object_object_add(object, "backend", json_text(driver ? "driver" : "embedded"));
	json_object_object_add(object, "name", json_text(info->name));
	json_object_object_add(object, "variant", json_text(info->variant));
	json_object_object_add(object, "node", json_text(driver ? info->path : NULL));
	json_object_object_add(object, "path",
			       json_text(!driver       ? "call"
					 : info->uring ? "io_uring"
						       : "ioctl"));
	json_object_object_add(object, "cores", json_count(info->cores));
	json_object_object_add(object, "fallback",
			       json_text(info->fallback[0] ? info->fallback : NULL));
	return object;
}
