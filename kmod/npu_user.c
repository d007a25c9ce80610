// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory, limited per user: pages that launches hold cannot be swapped out, so one user
 * must not be able to take them all.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "npu_drv.h"

static ulong pinned_mb;
module_param(pinned_mb, ulong, 0444);
MODULE_PARM_DESC(pinned_mb, "MiB of memory that one user may pin (default: half of RAM)");

/**
 * struct npu_user - one uid
 * @link: in npu_users; npu_users_lock
 * @uid: constant
 * @count: files and launches; npu_users_lock to reach zero
 * @pinned: bytes
 */
struct npu_user {
	struct list_head link;
	kuid_t uid;
	refcount_t count;
	atomic64_t pinned;
};

static LIST_HEAD(npu_users);
static DEFINE_MUTEX(npu_users_lock);

u64 npu_user_limit(void)
{
	return pinned_mb ? (u64)pinned_mb << 20 : ((u64)totalram_pages() << PAGE_SHIFT) / 2;
}

struct npu_user *npu_user_get(kuid_t uid)
{
	struct npu_user *user;

	mutex_lock(&npu_users_lock);
	list_for_each_entry(user, &npu_users, link) {
		if (uid_eq(user->uid, uid)) {
			refcount_inc(&user->count);
			goto out;
		}
	}
	user = kzalloc(sizeof(*user), GFP_KERNEL);
	if (user) {
		user->uid = uid;
		refcount_set(&user->count, 1);
		list_add(&user->link, &npu_users);
	}
out:
	mutex_unlock(&npu_users_lock);
	return user;
}

struct npu_user *npu_user_ref(struct npu_user *user)
{
	refcount_inc(&user->count);
	return user;
}

void npu_user_put(struct npu_user *user)
{
	if (!refcount_dec_and_mutex_lock(&user->count, &npu_users_lock))
		return;
	list_del(&user->link);
	mutex_unlock(&npu_users_lock);
	kfree(user);
}

int npu_user_charge(struct npu_user *user, u64 bytes)
{
	u64 limit = npu_user_limit();

	if (bytes > limit)
		return -ENOMEM;
	if ((u64)atomic64_add_return(bytes, &user->pinned) > limit) {
		atomic64_sub(bytes, &user->pinned);
		return -ENOMEM;
	}
	return 0;
}

void npu_user_uncharge(struct npu_user *user, u64 bytes)
{
	atomic64_sub(bytes, &user->pinned);
}
