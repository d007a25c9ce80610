// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be seen from outside: fdinfo of an open file, counters in debugfs.
 *
 * debugfs accel/<minor>/counts, one "name value" a line: objects of each kind that are alive.
 * Tests expect all of them back at zero. accel/<minor>/helped: pieces of jobs that cores ran for
 * another.
 */
#include <linux/ktime.h>
#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "npu_drv.h"

/* Device time of a client: ended turns, and those that cores are in. */
static u64 npu_client_device_ns(struct npu_client *client)
{
	struct npu_device *npu = client->npu;
	u64 now, total;
	unsigned int i;

	spin_lock_irq(&npu->lock);
	now = ktime_get_ns();
	total = client->device_ns;
	for (i = 0; i < npu->core_count; i++) {
		const struct npu_core *core = &npu->cores[i];

		if (core->job && core->job->queue->client == client)
			total += now - core->began_ns;
	}
	spin_unlock_irq(&npu->lock);
	return total;
}

void npu_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct npu_client *client = file->driver_priv;

	drm_printf(p, "drm-engine-npu:\t%llu ns\n", npu_client_device_ns(client));
	drm_printf(p, "drm-engine-capacity-npu:\t%u\n", client->npu->core_count);
	drm_printf(p, "npu-jobs-done:\t%llu\n", READ_ONCE(client->jobs_done));
	drm_printf(p, "npu-jobs-failed:\t%llu\n", READ_ONCE(client->jobs_failed));
	drm_show_memory_stats(p, file);
}

static int npu_counts_show(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct npu_counts *counts = &to_npu(entry->dev)->counts;

	seq_printf(m, "clients %d\n", atomic_read(&counts->clients));
	seq_printf(m, "buffers %d\n", atomic_read(&counts->buffers));
	seq_printf(m, "programs %d\n", atomic_read(&counts->programs));
	seq_printf(m, "launches %d\n", atomic_read(&counts->launches));
	seq_printf(m, "queues %d\n", atomic_read(&counts->queues));
	seq_printf(m, "jobs %d\n", atomic_read(&counts->jobs));
	seq_printf(m, "fences %d\n", npu_fences_alive());
	return 0;
}

static int npu_helped_show(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;

	seq_printf(m, "%llu\n", READ_ONCE(to_npu(entry->dev)->pieces_helped));
	return 0;
}

void npu_debugfs_init(struct npu_device *npu)
{
	drm_debugfs_add_file(&npu->drm, "counts", npu_counts_show, NULL);
	drm_debugfs_add_file(&npu->drm, "helped", npu_helped_show, NULL);
}
