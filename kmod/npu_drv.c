// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module, platform device, DRM driver, open files.
 *
 * The SIMD backend has no hardware to be probed, so the module makes the platform device that
 * the driver binds to; sysfs unbind and rebind work as for any other.
 */
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/io_uring/cmd.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "backend/npu_backend.h"
#include "compat/npu_compat.h"
#include "npu_drv.h"

#define NPU_NAME "npu"

static uint cores;
module_param(cores, uint, 0444);
MODULE_PARM_DESC(cores, "compute cores (default: online CPUs, at most 4)");

static int nice;
module_param(nice, int, 0444);
MODULE_PARM_DESC(nice, "nice value of the core threads, -20 to 19 (default 0)");

static char *variant;
module_param(variant, charp, 0444);
MODULE_PARM_DESC(variant, "force the kernels of an instruction set: scalar, avx2, ... (default: the fastest)");

static struct platform_device *npu_platform_device;

/* ------------------------------------------------------------- open files */

struct npu_client *npu_client_get(struct npu_client *client)
{
	kref_get(&client->kref);
	return client;
}

static void npu_client_release(struct kref *kref)
{
	struct npu_client *client = container_of(kref, struct npu_client, kref);
	struct npu_device *npu = client->npu;

	npu_user_put(client->user);
	atomic_dec(&npu->counts.clients);
	kfree(client);
	drm_dev_put(&npu->drm);
}

void npu_client_put(struct npu_client *client)
{
	kref_put(&client->kref, npu_client_release);
}

static int npu_open(struct drm_device *drm, struct drm_file *file)
{
	struct npu_device *npu = to_npu(drm);
	struct npu_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->user = npu_user_get(current_fsuid());
	if (!client->user) {
		kfree(client);
		return -ENOMEM;
	}
	drm_dev_get(drm);
	kref_init(&client->kref);
	client->npu = npu;
	xa_init_flags(&client->programs, XA_FLAGS_ALLOC1);
	xa_init_flags(&client->launches, XA_FLAGS_ALLOC1);
	xa_init_flags(&client->queues, XA_FLAGS_ALLOC1);
	atomic_inc(&npu->counts.clients);
	file->driver_priv = client;
	return 0;
}

/* Often runs in a kernel worker: nothing here may look at current. */
static void npu_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct npu_client *client = file->driver_priv;
	struct npu_program *program;
	struct npu_launch *launch;
	struct npu_queue *queue;
	unsigned long handle;

	xa_for_each(&client->queues, handle, queue) {
		npu_queue_kill(queue, -ECANCELED);
		npu_queue_put(queue);
	}
	xa_for_each(&client->launches, handle, launch)
		npu_launch_put(launch);
	xa_for_each(&client->programs, handle, program)
		npu_program_put(program);
	xa_destroy(&client->queues);
	xa_destroy(&client->launches);
	xa_destroy(&client->programs);
	npu_client_put(client);
}

/* ------------------------------------------------------------- DRM driver */

#define NPU_IOCTL(n, func) DRM_IOCTL_DEF_DRV(NPU_##n, npu_ioctl_##func, DRM_RENDER_ALLOW)

static const struct drm_ioctl_desc npu_ioctls[] = {
	NPU_IOCTL(QUERY, query),
	NPU_IOCTL(BO_CREATE, bo_create),
	NPU_IOCTL(BO_MMAP_OFFSET, bo_mmap_offset),
	NPU_IOCTL(PROGRAM_CREATE, program_create),
	NPU_IOCTL(PROGRAM_DESTROY, program_destroy),
	NPU_IOCTL(LAUNCH_CREATE, launch_create),
	NPU_IOCTL(LAUNCH_DESTROY, launch_destroy),
	NPU_IOCTL(QUEUE_CREATE, queue_create),
	NPU_IOCTL(QUEUE_DESTROY, queue_destroy),
	NPU_IOCTL(SUBMIT, submit),
	NPU_IOCTL(CANCEL, cancel),
};

static const struct file_operations npu_fops = {
	.owner = THIS_MODULE,
	NPU_COMPAT_FOPS,
	.uring_cmd = npu_uring_cmd,
	.show_fdinfo = drm_show_fdinfo,
};

/*
 * uAPI history:
 *  1.0: QUERY, BO_CREATE, BO_MMAP_OFFSET, PROGRAM_*, LAUNCH_*, QUEUE_*, SUBMIT, CANCEL; io_uring
 *       SUBMIT and CANCEL; instruction set 1
 */
static const struct drm_driver npu_driver = {
	.driver_features = NPU_COMPAT_FEATURES | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = npu_open,
	.postclose = npu_postclose,
	.show_fdinfo = npu_show_fdinfo,
	.gem_create_object = npu_gem_create_object,
	.gem_prime_import = npu_dmabuf_import,
	.gem_prime_import_sg_table = npu_gem_import_sg_table,
	.ioctls = npu_ioctls,
	.num_ioctls = ARRAY_SIZE(npu_ioctls),
	.fops = &npu_fops,
	.name = NPU_NAME,
	.desc = "Neural processing unit",
	.major = NPU_UAPI_VERSION_MAJOR,
	.minor = NPU_UAPI_VERSION_MINOR,
};

/* -------------------------------------------------------- platform driver */

static unsigned int npu_core_count(void)
{
	unsigned int online = num_online_cpus();

	return cores ? min(cores, online) : min(online, 4u);
}

static int npu_probe(struct platform_device *pdev)
{
	struct npu_device *npu;
	int ret;

	npu = devm_drm_dev_alloc(&pdev->dev, &npu_driver, struct npu_device, drm);
	if (IS_ERR(npu))
		return PTR_ERR(npu);

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;

	npu_sched_init(npu);
	npu->backend = &npu_simd_backend;
	ret = npu->backend->init(npu, variant);
	if (ret)
		return ret;
	ret = npu_cores_start(npu, npu_core_count(), clamp(nice, MIN_NICE, MAX_NICE));
	if (ret)
		return ret;
	platform_set_drvdata(pdev, npu);

	ret = drm_dev_register(&npu->drm, 0);
	if (ret) {
		npu_cores_stop(npu);
		return ret;
	}
	npu_debugfs_init(npu);
	drm_info(&npu->drm, "backend %s, instruction set %s, %u core%s\n", npu->backend->name,
		 npu_variant_name(npu->variant), npu->core_count, npu->core_count == 1 ? "" : "s");
	return 0;
}

/*
 * Jobs end first: drm_dev_unplug() waits for everybody inside drm_dev_enter(), and the commands
 * and fences of a client that never looks again must still complete.
 */
static void npu_remove(struct platform_device *pdev)
{
	struct npu_device *npu = platform_get_drvdata(pdev);
	struct npu_queue *queue;
	bool more = true;

	spin_lock_irq(&npu->lock);
	npu->gone = true;
	spin_unlock_irq(&npu->lock);

	while (more) {
		more = false;
		spin_lock_irq(&npu->lock);
		list_for_each_entry(queue, &npu->queues, link) {
			if (!queue->dead && kref_get_unless_zero(&queue->kref)) {
				more = true;
				break;
			}
		}
		spin_unlock_irq(&npu->lock);
		if (more) {
			npu_queue_kill(queue, -ENODEV);
			npu_queue_put(queue);
		}
	}
	drm_dev_unplug(&npu->drm);
	npu_cores_stop(npu);
}

static struct platform_driver npu_platform_driver = {
	.probe = npu_probe,
	.remove_new = npu_remove,
	.driver = { .name = NPU_NAME },
};

static int __init npu_init(void)
{
	int ret;

	ret = npu_job_init_cache();
	if (ret)
		return ret;
	ret = platform_driver_register(&npu_platform_driver);
	if (ret)
		goto err_cache;
	npu_platform_device = platform_device_register_simple(NPU_NAME, -1, NULL, 0);
	if (IS_ERR(npu_platform_device)) {
		ret = PTR_ERR(npu_platform_device);
		goto err_driver;
	}
	return 0;

err_driver:
	platform_driver_unregister(&npu_platform_driver);
err_cache:
	npu_job_exit_cache();
	return ret;
}

static void __exit npu_exit(void)
{
	platform_device_unregister(npu_platform_device);
	platform_driver_unregister(&npu_platform_driver);
	/* work that releases objects, then callbacks that free fences, run code of this module */
	flush_workqueue(npu_release_queue);
	rcu_barrier();
	npu_job_exit_cache();
}

module_init(npu_init);
module_exit(npu_exit);

MODULE_DESCRIPTION("NPU: validated integer programs on the CPU's vector units");
MODULE_AUTHOR("The npu authors");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
