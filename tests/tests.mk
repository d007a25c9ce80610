# SPDX-License-Identifier: MIT

UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)

$(B)/tests/%: tests/unit/%.c $(B)/libnpu-train.a $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ALL_LDFLAGS) -o $@ $< $(B)/libnpu-train.a $(B)/libnpu.a \
		-lcmocka $(TRAIN_LIBS) $(RUNTIME_LIBS)
-include $(UNIT_BIN:=.d)

# Counts what is allocated.
$(B)/tests/nn_quote: ALL_LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc aligned_alloc free)
comma := ,
# Has no memory now and then.
$(B)/tests/compile_choose: ALL_LDFLAGS += -Wl,--wrap=aligned_alloc

# The kernels for AArch64, checked by the same programs on an emulated CPU. No library is linked, as
# packages have none for a cross compiler: what reads and writes files is left out, or unresolved.
ARM64_CC := aarch64-linux-gnu-gcc
ARM64_SRC := $(filter-out %/png.c %/jpeg.c,$(wildcard libnpu/train/nn/*.c libnpu/train/nn/*/*.c libnpu/train/data/*.c)) \
	     libnpu/runtime/error.c
ARM64_ENGINE_SRC := $(wildcard kmod/engine/*.c kmod/engine/simd/*.c) libnpu/runtime/cpu.c
ARM64_OBJ := $(ARM64_SRC:%.c=build/arm64/%.o)
ARM64_ENGINE_OBJ := $(ARM64_ENGINE_SRC:%.c=build/arm64/%.o)
ARM64_CFLAGS := -std=gnu11 -O2 -pthread -ffp-contract=off -ffunction-sections -fdata-sections \
		-MMD -MP $(WARN) -Itests/arm64 -Ilibnpu/include -Ikmod/uapi -Ikmod/engine -Ilibnpu \
		-isystem /usr/aarch64-linux-gnu/include/drm

build/arm64/kmod/engine/simd/dotprod.o: ARM64_ISA := $(DOTPROD_CFLAGS)
build/arm64/kmod/engine/simd/i8mm.o: ARM64_ISA := $(I8MM_CFLAGS)

build/arm64/%.o: %.c
	@mkdir -p $(@D)
	$(ARM64_CC) $(ARM64_CFLAGS) $(NEON_CFLAGS) $(ARM64_ISA) -c -o $@ $<

build/arm64/tests/engine_%: build/arm64/tests/unit/engine_%.o $(ARM64_ENGINE_OBJ)
	@mkdir -p $(@D)
	$(ARM64_CC) -static -pthread -o $@ $^ -lm

build/arm64/tests/%: build/arm64/tests/unit/%.o $(ARM64_OBJ)
	@mkdir -p $(@D)
	$(ARM64_CC) -static -pthread -Wl,--gc-sections,--unresolved-symbols=ignore-all -o $@ $^ -lm
.SECONDARY: $(ARM64_OBJ) $(ARM64_ENGINE_OBJ)

-include $(wildcard build/arm64/*/*/*.d build/arm64/*/*/*/*.d build/arm64/*/*/*/*/*.d)

# The kernel's own test harness and style checker, out of Debian's source package.
LINUX_SOURCE := /usr/src/linux-source-6.12.tar.xz
HARNESS := $(addprefix build/linux/tools/testing/selftests/,kselftest.h kselftest_harness.h)
LINUX_FILES := $(HARNESS) $(addprefix build/linux/scripts/,checkpatch.pl spelling.txt \
		 const_structs.checkpatch)

$(LINUX_FILES) &: $(LINUX_SOURCE)
	@mkdir -p build/linux
	tar -xJf $< -C build/linux --strip-components=1 -m $(LINUX_FILES:build/linux/%=linux-source-6.12/%)

build/kselftest/%: tests/kselftest/%.c $(wildcard tests/kselftest/*.h) kmod/uapi/npu_accel.h $(HARNESS)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -pthread -static -Itests/kselftest -Ikmod/uapi \
		-isystem build/linux/tools/testing/selftests $(RUNTIME_CFLAGS) -o $@ $< -luring

# Programs for the guest: one that stands on the library, one on the uAPI alone.
build/vm/digits: tests/vm/digits.c $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ALL_LDFLAGS) -o $@ $< $(B)/libnpu.a -lcmocka $(RUNTIME_LIBS)

build/vm/submit: tests/vm/submit.c kmod/uapi/npu_accel.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 $(WARN) -static -Ikmod/uapi $(RUNTIME_CFLAGS) -o $@ $< -luring

# The engine's golden outputs on the device of an arm64 guest, with the liburing that came with it.
build/arm64/device/%: tests/unit/%.c $(ARM64_ENGINE_OBJ)
	@mkdir -p $(@D)
	$(ARM64_CC) -static -I$(ARM64_ROOT)/usr/include $(ARM64_CFLAGS) -o $@ $< $(ARM64_ENGINE_OBJ) \
		-L$(ARM64_ROOT)/usr/lib/aarch64-linux-gnu -luring -lm

# The networks of the benchmarks on the device.
$(B)/vm/networks: tests/vm/networks.c $(addprefix $(B)/tests/bench/,networks.o timing.o) \
		  $(B)/libnpu-train.a $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ALL_LDFLAGS) -o $@ $(filter %.c %.o,$^) \
		$(B)/libnpu-train.a $(B)/libnpu.a $(TRAIN_LIBS) $(RUNTIME_LIBS)

# The uAPI's tests for an arm64 guest; liburing comes with its kernel.
ARM64_ROOT := $(or $(NPU_CACHE),$(HOME)/.cache/npu)/arm64/root
build/arm64/kselftest/%: tests/kselftest/%.c $(wildcard tests/kselftest/*.h) \
			 kmod/uapi/npu_accel.h $(HARNESS)
	@mkdir -p $(@D)
	$(ARM64_CC) -std=gnu11 -O2 -g -Wall -pthread -static -Itests/kselftest -Ikmod/uapi \
		-isystem build/linux/tools/testing/selftests -idirafter $(ARM64_ROOT)/usr/include \
		$(subst -I,-idirafter ,$(RUNTIME_CFLAGS)) -o $@ $< \
		-L$(ARM64_ROOT)/usr/lib/aarch64-linux-gnu -luring

include tests/bench/bench.mk
include tests/fuzz/fuzz.mk
