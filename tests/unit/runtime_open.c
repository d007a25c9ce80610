// SPDX-License-Identifier: MIT
/* Opening devices: where it ends up, and the sentence when it does not. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime_device.h"

static void test_embedded(void **state)
{
	struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_device *device;
	struct npu_device_info info;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_device_open(&device, &options, &err), 0);
	npu_device_info(device, &info);
	assert_int_equal(info.backend, NPU_BACKEND_EMBEDDED);
	assert_string_equal(info.name, "embedded");
	assert_string_equal(info.path, "");
	assert_string_equal(info.fallback, "");
	assert_true(info.variant[0]);
	assert_true(info.cores >= 1);
	assert_false(info.uring);
	assert_int_equal(npu_device_fd(device), -1);
	npu_device_close(device);
	npu_device_close(NULL);
}

static void test_auto(void **state)
{
	struct npu_device *device;
	struct npu_device_info info;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_device_open(&device, NULL, &err), 0);
	npu_device_info(device, &info);
	if (info.backend == NPU_BACKEND_EMBEDDED) {
		assert_true(strlen(info.fallback) > 20);
	} else {
		assert_string_equal(info.fallback, "");
		assert_true(info.path[0] == '/');
		assert_true(npu_device_fd(device) >= 0);
	}
	npu_device_close(device);
}

static void test_driver(void **state)
{
	struct npu_device_options options = { .backend = NPU_BACKEND_DRIVER };
	struct npu_device *device;
	struct npu_device_info info;
	struct npu_error err;
	int ret = npu_device_open(&device, &options, &err);

	(void)state;
	if (!test_on_driver()) {
		if (!ret)
			npu_device_close(device);
		else
			assert_non_null(strstr(err.message, "npu"));
		return;
	}
	assert_int_equal(ret, 0);
	npu_device_info(device, &info);
	assert_int_equal(info.backend, NPU_BACKEND_DRIVER);
	assert_true(info.cores >= 1);
	assert_true(info.name[0] && info.variant[0]);
	npu_device_close(device);
	options.path = info.path;
	assert_int_equal(npu_device_open(&device, &options, &err), 0);
	npu_device_close(device);
}

static void test_paths(void **state)
{
	struct npu_device_options options = { .backend = NPU_BACKEND_DRIVER };
	struct npu_device *device;
	struct npu_error err;
	char path[200];

	(void)state;
	options.path = "/dev/accel/accel99";
	assert_int_equal(npu_device_open(&device, &options, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/dev/accel/accel99"));
	options.path = "/dev/null";
	assert_int_equal(npu_device_open(&device, &options, &err), -ENODEV);
	assert_non_null(strstr(err.message, "not a device of npu.ko"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	options.path = path;
	assert_int_equal(npu_device_open(&device, &options, &err), -ENAMETOOLONG);
	options.backend = 17;
	assert_int_equal(npu_device_open(&device, &options, &err), -EINVAL);
}

/* As a user who may not: in a child, for root may everything. */
static void test_permission(void **state)
{
	char path[] = "/tmp/runtime_open.XXXXXX";
	int fd = mkstemp(path), status;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	close(fd);
	child = fork();
	if (!child) {
		struct npu_device_options options = { .backend = NPU_BACKEND_DRIVER, .path = path };
		struct npu_device_info info;
		struct npu_device *device;
		struct npu_error err;

		if (!getuid() && setuid(65534))
			_exit(2);
		if (npu_device_open(&device, &options, &err) != -EACCES ||
		    !strstr(err.message, path) || !strstr(err.message, "usermod"))
			_exit(3);
		options.backend = NPU_BACKEND_AUTO;
		if (npu_device_open(&device, &options, &err))
			_exit(4);
		npu_device_info(device, &info);
		npu_device_close(device);
		_exit(strstr(info.fallback, "permission denied") ? 0 : 5);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_variant(void **state)
{
	struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_device *device;
	struct npu_device_info info;
	struct npu_error err;

	(void)state;
	options.variant = "abacus";
	assert_int_equal(npu_device_open(&device, &options, &err), -EINVAL);
	assert_non_null(strstr(err.message, "abacus"));
	options.variant = "scalar";
	assert_int_equal(npu_device_open(&device, &options, &err), 0);
	npu_device_info(device, &info);
	assert_string_equal(info.variant, "scalar");
	npu_device_close(device);

	options.variant = NULL;
	setenv("NPU_VARIANT", "scalar", 1);
	assert_int_equal(npu_device_open(&device, &options, &err), 0);
	npu_device_info(device, &info);
	assert_string_equal(info.variant, "scalar");
	npu_device_close(device);
	setenv("NPU_VARIANT", "abacus", 1);
	assert_int_equal(npu_device_open(&device, &options, &err), -EINVAL);
	assert_non_null(strstr(err.message, "NPU_VARIANT"));
	setenv("NPU_VARIANT", "", 1);
	assert_int_equal(npu_device_open(&device, &options, &err), 0);
	npu_device_close(device);
	unsetenv("NPU_VARIANT");
}

static void *no_memory(void *context, size_t bytes, size_t align)
{
	(void)context;
	(void)bytes;
	(void)align;
	return NULL;
}

static void no_free(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

static void test_no_memory(void **state)
{
	static const struct npu_allocator allocator = { no_memory, no_free, NULL };
	struct npu_device_options options = { .allocator = &allocator };
	struct npu_device *device;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_device_open(&device, &options, &err), -ENOMEM);
	assert_true(err.message[0]);
}

static void test_version(void **state)
{
	char version[32];

	(void)state;
	snprintf(version, sizeof(version), "%d.%d.%d", NPU_VERSION_MAJOR, NPU_VERSION_MINOR,
		 NPU_VERSION_PATCH);
	assert_string_equal(npu_version(), version);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedded),   cmocka_unit_test(test_auto),
		cmocka_unit_test(test_driver),	   cmocka_unit_test(test_paths),
		cmocka_unit_test(test_permission), cmocka_unit_test(test_variant),
		cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
