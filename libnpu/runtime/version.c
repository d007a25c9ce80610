// SPDX-License-Identifier: MIT
#include "npu.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *npu_version(void)
{
	return TEXT(NPU_VERSION_MAJOR) "." TEXT(NPU_VERSION_MINOR) "." TEXT(NPU_VERSION_PATCH);
}
