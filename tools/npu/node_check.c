// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <liburing.h>

#include "node_check.h"

#define DRIVER "npu"

/* ------------------------------------------------------------------------ findings */

/* The next finding, its problem filled in; NULL if there are too many already. */
__attribute__((format(printf, 2, 3))) static struct finding *find(struct node_check *check,
								  const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (check->findings == NODE_CHECK_FINDINGS)
		return NULL;
	finding = &check->finding[check->findings++];
	va_start(args, format);
	vsnprintf(finding->problem, sizeof(finding->problem), format, args);
	va_end(args);
	return finding;
}

__attribute__((format(printf, 2, 3))) static void mend(struct finding *finding, const char *format,
						       ...)
{
	va_list args;

	if (!finding)
		return;
	va_start(args, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, args);
	va_end(args);
}

/* --------------------------------------------------------------------------- nodes */

static void name_user(uid_t uid, char *name, size_t bytes)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(name, bytes, "%s", user->pw_name);
	else
		snprintf(name, bytes, "%u", (unsigned int)uid);
}

static void name_group(gid_t gid, char *name, size_t bytes)
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(name, bytes, "%s", group->gr_name);
	else
		snprintf(name, bytes, "%u", (unsigned int)gid);
}

static void add_node(struct node_check *check, const char *path)
{
	struct stat status;
	struct node *node;

	if (check->nodes == NODE_CHECK_NODES || stat(path, &status) < 0)
		return;
	node = &check->node[check->nodes++];
	snprintf(node->path, sizeof(node->path), "%s", path);
	snprintf(node->mode, sizeof(node->mode), "%04o", (unsigned int)(status.st_mode & 07777));
	name_user(status.st_uid, node->owner, sizeof(node->owner));
	name_group(status.st_gid, node->group, sizeof(node->group));
	node->usable = access(path, R_OK | W_OK) == 0;
}

/* Is the device of /sys/class/CLASS/NAME bound to our driver? */
static bool is_ours(const char *class, const char *name)
{
	char link[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/class/%s/%s/device/driver", class, name);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	base = strrchr(target, '/');
	return strcmp(base ? base + 1 : target, DRIVER) == 0;
}

static void find_nodes(struct node_check *check, const char *class, const char *prefix,
		       const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    !is_ours(class, entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		add_node(check, path);
	}
	closedir(directory);
}

/* -------------------------------------------------------------------------- checks */

static void check_module(struct node_check *check)
{
	struct finding *finding;

	check->module_loaded = access("/sys/module/" DRIVER, F_OK) == 0;
	if (check->module_loaded)
		return;
	finding = find(check, "The module npu is not loaded, so programs run in this process.");
	mend(finding, "Load it with `modprobe npu` as root; if it is not installed, `make modules "
		      "&& make modules_install && depmod` in the source tree builds it.");
}

static void check_nodes(struct node_check *check)
{
	struct finding *finding;

	if (check->module_loaded && check->nodes == 0) {
		finding = find(check, "The module is loaded but there is no device node.");
		mend(finding, "See `dmesg | grep npu` for why; /dev must be a devtmpfs.");
	}
	for (size_t i = 0; i < check->nodes; i++) {
		const struct node *node = &check->node[i];

		if (node->usable)
			continue;
		finding = find(check, "This user may not use %s (%s %s:%s).", node->path,
			       node->mode, node->owner, node->group);
		if (strcmp(node->group, "root") == 0)
			mend(finding, "Install the udev rule 60-npu.rules (`make install` does), "
				      "then `udevadm control --reload && udevadm trigger`.");
		else
			mend(finding,
			     "Add the user to the group: `usermod -aG %s USER` as root, "
			     "then log in again.",
			     node->group);
	}
}

/* Value of /proc/sys/kernel/io_uring_disabled, 0 where it does not exist. */
static int uring_disabled(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "r");
	int value = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static void check_uring(struct node_check *check)
{
	struct finding *finding;
	struct io_uring ring;
	int ret = io_uring_queue_init(4, &ring, 0);

	check->uring_works = ret == 0;
	if (ret == 0) {
		io_uring_queue_exit(&ring);
		return;
	}
	finding = find(check, "io_uring cannot be used (%s), so the driver is reached by ioctl.",
		       strerror(-ret));
	if (uring_disabled())
		mend(finding, "It is turned off; `sysctl kernel.io_uring_disabled=0` as root turns "
			      "it on.");
	else if (ret == -ENOMEM)
		mend(finding, "The limit of locked memory is too low: raise `ulimit -l`.");
	else
		mend(finding, "A container's seccomp filter often blocks it: allow io_uring_setup, "
			      "io_uring_enter and io_uring_register there.");
}

void node_check_run(struct node_check *check, const char *path)
{
	memset(check, 0, sizeof(*check));
	if (path) {
		add_node(check, path);
	} else {
		find_nodes(check, "accel", "accel", "/dev/accel");
		find_nodes(check, "drm", "renderD", "/dev/dri");
	}
	check_module(check);
	check_nodes(check);
	check_uring(check);
}
