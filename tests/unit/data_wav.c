// SPDX-License-Identifier: MIT
/* Sound: WAV files, folders of them, and features against formulas written out with libm. */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "data_case.h"

#define RATE 8000
#define PI 3.14159265358979323846

/* A WAV file in memory, of at most so many bytes. */
struct wav_file {
	uint8_t bytes[65536];
	size_t size;
};

static void put(struct wav_file *f, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f->bytes[f->size++] = value >> 8 * i;
}

static void put_name(struct wav_file *f, const char *name)
{
	memcpy(f->bytes + f->size, name, 4);
	f->size += 4;
}

/* Up to and with the size of the data. */
static void begin_wav(struct wav_file *f, unsigned int channels, unsigned int bits, size_t data)
{
	f->size = 0;
	put_name(f, "RIFF");
	put(f, 36 + data, 4);
	put_name(f, "WAVE");
	put_name(f, "fmt ");
	put(f, 16, 4);
	put(f, 1, 2);
	put(f, channels, 2);
	put(f, RATE, 4);
	put(f, RATE * channels * bits / 8, 4);
	put(f, channels * bits / 8, 2);
	put(f, bits, 2);
	put_name(f, "data");
	put(f, data, 4);
}

/* A tone of so many samples. */
static void write_tone(const char *path, size_t count, double frequency)
{
	struct wav_file f;

	begin_wav(&f, 1, 16, 2 * count);
	for (size_t i = 0; i < count; i++)
		put(&f, (uint16_t)(int16_t)lrint(20000 * sin(2 * PI * frequency * i / RATE)), 2);
	write_bytes(path, f.bytes, f.size);
}

static void expect_wav(const struct wav_file *f, const float *expected, size_t count)
{
	unsigned int rate;
	struct npu_error err;
	float *samples;
	size_t n;

	write_bytes("t.wav", f->bytes, f->size);
	if (npu_read_wav("t.wav", &samples, &n, &rate, &err))
		fail_msg("%s", err.message);
	assert_int_equal(rate, RATE);
	assert_int_equal(n, count);
	assert_memory_equal(samples, expected, count * sizeof(*samples));
	free(samples);
}

static void test_forms(void **state)
{
	struct wav_file f;

	(void)state;
	begin_wav(&f, 1, 16, 6);
	put(&f, 0x8000, 2);
	put(&f, 0, 2);
	put(&f, 0x4000, 2);
	expect_wav(&f, (float[]){ -1, 0, .5f }, 3);
	begin_wav(&f, 1, 8, 3);
	put(&f, 0xc08000, 3);
	expect_wav(&f, (float[]){ -1, 0, .5f }, 3);
	begin_wav(&f, 2, 16, 8);
	put(&f, 0x40004000, 4);
	put(&f, 0x8000c000, 4);
	expect_wav(&f, (float[]){ .5f, -.75f }, 2);
	/* Other chunks before and behind; one of odd size; the long form of the format. */
	f.size = 0;
	put_name(&f, "RIFF");
	put(&f, 0, 4);
	put_name(&f, "WAVE");
	put_name(&f, "LIST");
	put(&f, 3, 4);
	put(&f, 0, 4);
	put_name(&f, "fmt ");
	put(&f, 40, 4);
	put(&f, 0xfffe, 2);
	put(&f, 1, 2);
	put(&f, RATE, 4);
	put(&f, RATE, 4);
	put(&f, 1, 2);
	put(&f, 8, 2);
	put(&f, 22, 2);
	put(&f, 8, 2);
	put(&f, 4, 4);
	put(&f, 1, 4);
	for (int i = 0; i < 3; i++)
		put(&f, 0, 4);
	put_name(&f, "data");
	put(&f, 1, 4);
	put(&f, 0xc0, 2);
	put_name(&f, "LIST");
	expect_wav(&f, (float[]){ .5f }, 1);
}

static void expect_error(struct wav_file *f, size_t at, uint8_t byte, const char *part)
{
	struct wav_file copy = *f;
	unsigned int rate;
	struct npu_error err = { 0 };
	float *samples;
	size_t n;

	copy.bytes[at] = byte;
	write_bytes("bad.wav", copy.bytes, copy.size);
	assert_true(npu_read_wav("bad.wav", &samples, &n, &rate, &err) < 0);
	assert_non_null(strstr(err.message, "bad.wav: "));
	assert_says(&err, err.code, part);
	assert_null(samples);
}

static void test_bad_input(void **state)
{
	struct wav_file f;

	(void)state;
	begin_wav(&f, 1, 16, 6);
	put(&f, 0, 6);
	expect_error(&f, 0, 'X', "not a WAV file; convert it with 'sox in out.wav'");
	expect_error(&f, 8, 'X', "a RIFF file without sound");
	expect_error(&f, 12, 'X', "no chunk 'fmt ' before the sound");
	expect_error(&f, 20, 3, "sound of format 3; PCM can be read: convert it");
	expect_error(&f, 34, 24, "samples of 24 bits; 8 and 16 can be read");
	expect_error(&f, 22, 0, "do not go together");
	expect_error(&f, 22, 2, "do not go together");
	expect_error(&f, 36, 'X', "no chunk 'data'");
	expect_error(&f, 40, 5, "ends in the middle of a sample; the file is truncated");
	expect_error(&f, 40, 7, "ends in the middle of its sound; the file is truncated");
	expect_error(&f, 43, 0xff, "ends in the middle of its sound");
	expect_error(&f, 16, 0xff, "ends in the middle of its header");
	expect_error(&f, 40, 0, "no sound in it");
}

static void test_truncated(void **state)
{
	struct wav_file f;
	unsigned int rate;
	struct npu_error err;
	float *samples;
	size_t n;
	uint32_t random = 1;

	(void)state;
	begin_wav(&f, 1, 16, 40);
	for (int i = 0; i < 10; i++)
		put(&f, 0, 4);
	for (size_t size = 0; size < f.size; size++) {
		write_bytes("t.wav", f.bytes, size);
		assert_int_equal(npu_read_wav("t.wav", &samples, &n, &rate, &err), -EINVAL);
		assert_says(&err, -EINVAL, "truncated");
	}
	for (int i = 0; i < 3000; i++) {
		struct wav_file copy = f;

		for (int k = 0; k < 3; k++)
			copy.bytes[next_random(&random) % 48] = next_random(&random);
		write_bytes("t.wav", copy.bytes, copy.size);
		if (!npu_read_wav("t.wav", &samples, &n, &rate, &err)) {
			assert_true(n > 0 && n <= 40);
			free(samples);
		}
	}
}

/* Log-mel energies of one frame, by the sums of the formulas. */
static void slow_log_mel(const float *s, size_t window, size_t n, int bands, double *out)
{
	double low = 1127 * log(1 + 20. / 700), high = 1127 * log(1 + RATE / 2. / 700);

	for (int b = 0; b < bands; b++) {
		double foot[3], energy = 0;

		for (int i = 0; i < 3; i++)
			foot[i] = 700 *
				  (exp((low + (b + i) * (high - low) / (bands + 1)) / 1127) - 1);
		for (size_t k = 0; k <= n / 2; k++) {
			double f = (double)k * RATE / n, re = 0, im = 0, height;

			height = f < foot[1] ? (f - foot[0]) / (foot[1] - foot[0])
					     : (foot[2] - f) / (foot[2] - foot[1]);
			if (height <= 0)
				continue;
			for (size_t i = 0; i < window; i++) {
				double x = s[i] * (0.5 - 0.5 * cos(2 * PI * i / window));

				re += x * cos(2 * PI * i * k / n);
				im -= x * sin(2 * PI * i * k / n);
			}
			energy += height * (re * re + im * im);
		}
		out[b] = log(energy + 1e-6);
	}
}

static void make_noise(float *s, size_t count)
{
	uint32_t random = 7;

	for (size_t i = 0; i < count; i++)
		s[i] = (float)((int)(next_random(&random) & 0xffff) - 0x8000) / 0x8000 * .1f +
		       .4f * (float)sin(2 * PI * 440 * i / RATE);
}

static void test_log_mel(void **state)
{
	const struct npu_audio_options o = { .rate = RATE };
	float s[1000], features[12 * 40];
	double expected[40];
	size_t frames;

	(void)state;
	make_noise(s, 1000);
	/* A window of 200, a hop of 80: 1 + 800 / 80. */
	assert_int_equal(npu_audio_frames(&o, 1000, &frames, NULL), 0);
	assert_int_equal(frames, 11);
	assert_int_equal(npu_audio_features(&o, s, 1000, 12, features, NULL), 0);
	for (size_t t = 0; t < 11; t++) {
		slow_log_mel(s + 80 * t, 200, 256, 40, expected);
		for (int b = 0; b < 40; b++)
			assert_true(fabs(features[40 * t + b] - expected[b]) < 2e-6);
	}
	/* The twelfth looks past the end, where there is silence. */
	memmove(s, s + 880, 120 * sizeof(*s));
	memset(s + 120, 0, 80 * sizeof(*s));
	slow_log_mel(s, 200, 256, 40, expected);
	for (int b = 0; b < 40; b++)
		assert_true(fabs(features[40 * 11 + b] - expected[b]) < 2e-6);
}

static void test_mfcc(void **state)
{
	const struct npu_audio_options o = { .features = NPU_AUDIO_MFCC,
					     .rate = RATE,
					     .window_ms = 16,
					     .bands = 20,
					     .coefficients = 8 };
	float s[128], features[8];
	double mel[20];

	(void)state;
	make_noise(s, 128);
	assert_int_equal(npu_audio_features(&o, s, 128, 1, features, NULL), 0);
	slow_log_mel(s, 128, 128, 20, mel);
	for (int j = 0; j < 8; j++) {
		double sum = 0;

		for (int b = 0; b < 20; b++)
			sum += mel[b] * cos(PI * j * (b + .5) / 20);
		sum *= sqrt((j ? 2. : 1.) / 20);
		assert_true(fabs(features[j] - sum) < 4e-6);
	}
}

static void test_bad_options(void **state)
{
	static const struct {
		struct npu_audio_options o;
		const char *part;
	} bad[] = {
		{ { 0 }, "a rate of 0 samples a second" },
		{ { .rate = RATE, .window_ms = -1 }, "a window of -1 ms" },
		{ { .rate = RATE, .window_ms = NAN }, "take 2 to 65536 samples" },
		{ { .rate = RATE, .hop_ms = .01f }, "a hop of 0.01 ms" },
		{ { .rate = RATE, .bands = 5000 }, "5000 mel bands" },
		{ { .rate = RATE, .features = NPU_AUDIO_MFCC, .bands = 10 },
		  "10 mel bands and 13 coefficients" },
		{ { .rate = RATE, .f_max = 5000 }, "bands from 20 to 5000 Hz at 8000 samples" },
		{ { .rate = RATE, .f_min = 3000, .f_max = 2000 }, "bands from 3000 to 2000 Hz" },
		{ { .rate = RATE, .bands = 300 }, "take fewer bands or a longer window" },
	};
	float x[300];
	struct npu_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(npu_audio_features(&bad[i].o, x, 0, 1, x, &err), -EINVAL);
		assert_says(&err, -EINVAL, bad[i].part);
	}
}

static void make_folder(void **state)
{
	(void)state;
	mkdir("by-name", 0777);
	write_tone("by-name/b_x_0.wav", 1000, 300); /* 11 frames */
	write_tone("by-name/a_x_0.wav", 500, 300);  /* 4 frames */
	write_tone("by-name/b_x_1.WAV", 100, 900);  /* 1 frame */
	write_bytes("by-name/notes.txt", "x", 1);
	mkdir("by-folder", 0777);
	mkdir("by-folder/yes", 0777);
	mkdir("by-folder/no", 0777);
	write_tone("by-folder/yes/2.wav", 400, 300);
	write_tone("by-folder/yes/1.wav", 400, 500);
	write_tone("by-folder/no/1.wav", 400, 700);
	write_tone("by-folder/outside.wav", 400, 700);
}

static void test_folder(void **state)
{
	struct npu_wav_options o = { .folder.class_of = NPU_CLASS_OF_PREFIX };
	struct npu_dataset d, other;
	struct npu_error err;

	make_folder(state);
	assert_int_equal(npu_dataset_read_wav(&d, "by-name", &o, &err), 0);
	assert_int_equal(d.samples, 3);
	assert_int_equal(d.dim[0], 1);
	assert_int_equal(d.dim[1], 11);
	assert_int_equal(d.dim[2], 40);
	assert_memory_equal(d.lengths, ((uint32_t[]){ 4, 11, 1 }), 12);
	assert_memory_equal(d.labels, ((int32_t[]){ 0, 1, 1 }), 12);
	assert_string_equal(d.class_names[1], "b");
	/* Padding is silence. */
	for (size_t i = 4 * 40; i < 11 * 40; i++)
		assert_true(d.x[i] == (float)log(1e-6));
	/* The same shape and classes of other files. */
	o.folder.like = &d;
	o.folder.match = "b*0.wav";
	assert_int_equal(npu_dataset_read_wav(&other, "by-name", &o, &err), 0);
	assert_int_equal(other.samples, 1);
	assert_int_equal(other.labels[0], 1);
	assert_int_equal(other.classes, 2);
	assert_memory_equal(other.x, d.x + d.features, d.features * sizeof(float));
	npu_dataset_free(&other);
	npu_dataset_free(&d);
	/* As pictures, cut. */
	o = (struct npu_wav_options){ .frames = 2, .image = true, .audio.bands = 20 };
	assert_int_equal(npu_dataset_read_wav(&d, "by-folder", &o, &err), 0);
	assert_int_equal(d.samples, 3);
	assert_int_equal(d.dim[0] * 1000 + d.dim[1] * 10 + d.dim[2], 2201);
	assert_null(d.lengths);
	assert_memory_equal(d.labels, ((int32_t[]){ 0, 1, 1 }), 12);
	assert_string_equal(d.class_names[0], "no");
	npu_dataset_free(&d);
	o.folder.class_of = NPU_CLASS_OF_NONE;
	assert_int_equal(npu_dataset_read_wav(&d, "by-folder", &o, &err), 0);
	assert_int_equal(d.samples, 1);
	assert_null(d.labels);
	npu_dataset_free(&d);
}

static void expect_folder(const char *folder, struct npu_wav_options o, int code, const char *part)
{
	struct npu_dataset d;
	struct npu_error err;

	assert_int_equal(npu_dataset_read_wav(&d, folder, &o, &err), code);
	assert_says(&err, code, part);
	assert_null(d.x);
}

static void test_bad_folder(void **state)
{
	struct npu_wav_options o = { .folder.class_of = NPU_CLASS_OF_PREFIX };
	struct npu_dataset like;
	struct wav_file f;

	(void)state;
	expect_folder("nowhere", o, -ENOENT, "nowhere: cannot list it");
	expect_folder("by-name", (struct npu_wav_options){ 0 }, -ENOENT,
		      "by-name: its 3 files are in no sub-folder");
	o.folder.match = "*.flac";
	expect_folder("by-name", o, -ENOENT, "no file '*.flac' in it");
	o.folder.match = "notes*";
	expect_folder("by-name", o, -EINVAL, "by-name/notes.txt: its name has no class before a");
	o.folder.match = "a*";
	assert_int_equal(npu_dataset_read_wav(&like, "by-name", &o, NULL), 0);
	o.folder = (struct npu_folder_options){ NPU_CLASS_OF_PREFIX, NULL, &like };
	expect_folder("by-name", o, -ERANGE, "class 'b' is not among the 1 of the data");
	o.folder.match = "a*";
	o.audio.bands = 30;
	expect_folder("by-name", o, -EINVAL,
		      "frames of 30 features where the samples that they "
		      "shall be like are 1 x 4 x 40");
	npu_dataset_free(&like);
	/* One of another rate among them, then one that is cut off. */
	begin_wav(&f, 1, 16, 2);
	put(&f, 0, 2);
	f.bytes[25] = 0x3e;
	write_bytes("by-name/c_x_0.wav", f.bytes, f.size);
	o = (struct npu_wav_options){ .folder.class_of = NPU_CLASS_OF_PREFIX };
	expect_folder("by-name", o, -EINVAL,
		      "by-name/c_x_0.wav: 15936 samples a second instead of 8000; convert it with "
		      "'sox in.wav -r 8000 out.wav'");
	write_bytes("by-name/c_x_0.wav", f.bytes, f.size - 1);
	expect_folder("by-name", o, -EINVAL, "by-name/c_x_0.wav: ends in the middle of its sound");
	/* The first says that it has half a billion samples a second. */
	f.bytes[27] = 0x20;
	write_bytes("by-name/a_0.wav", f.bytes, f.size);
	expect_folder("by-name", o, -EINVAL, "by-name/a_0.wav: audio: a rate of ");
}

static void test_digits(void **state)
{
	struct npu_wav_options o = { .folder = { NPU_CLASS_OF_PREFIX, "*_theo_[0-9].wav", NULL } };
	const char *folder = getenv("NPU_DATA");
	struct npu_dataset d;
	struct npu_error err;
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/datasets/fsdd", folder ? folder : ".");
	if (access(path, R_OK)) {
		print_message(
			"spoken digits are not there; NPU_DATA is the folder with datasets\n");
		skip();
	}
	if (npu_dataset_read_wav(&d, path, &o, &err))
		fail_msg("%s", err.message);
	assert_int_equal(d.samples, 100);
	assert_int_equal(d.classes, 10);
	assert_string_equal(d.class_names[9], "9");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(d.labels[i], i / 10);
		assert_in_range(d.lengths[i], 5, d.dim[1]);
	}
	for (size_t i = 0; i < d.samples * d.features; i++)
		assert_true(d.x[i] >= -13.82f && d.x[i] < 15);
	npu_dataset_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	  cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_log_mel),
		cmocka_unit_test(test_mfcc),	  cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_folder),	  cmocka_unit_test(test_bad_folder),
		cmocka_unit_test(test_digits),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
