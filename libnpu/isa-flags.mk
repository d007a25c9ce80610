# SPDX-License-Identifier: MIT
# Files that need instruction-set flags: OBJECT: ISA_CFLAGS := FLAGS. Everything else is built
# for the baseline of the architecture and chooses among these at run time.

# These are vectors by hand. What the compiler would add is to load two fields of a structure at
# once that have just been stored one by one, and for that a CPU waits until they are in the cache;
# or to keep pairs of pointers in vector registers.
NN_CFLAGS := -fno-tree-slp-vectorize
DOTPROD_CFLAGS := -march=armv8.2-a+dotprod
I8MM_CFLAGS := -march=armv8.2-a+dotprod+i8mm
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
AVX512_CFLAGS := -mavx2 -mavx512f -mavx512bw -mavx512vl
$(B)/kmod/engine/simd/avx2.o: ISA_CFLAGS := -mavx2 $(NN_CFLAGS)
$(B)/kmod/engine/simd/avxvnni.o: ISA_CFLAGS := -mavx2 -mavxvnni $(NN_CFLAGS)
$(B)/kmod/engine/simd/avx512vnni.o: ISA_CFLAGS := $(AVX512_CFLAGS) -mavx512vnni $(NN_CFLAGS)
$(B)/libnpu/train/nn/kernels/%_avx2.o: ISA_CFLAGS := -mavx2 -mfma $(NN_CFLAGS)
$(B)/libnpu/train/nn/kernels/%_avx512.o: \
	ISA_CFLAGS := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl $(NN_CFLAGS)
endif
# Sums fill the registers of a tile: with loads moved ahead of them, they would have to be spilled.
NEON_CFLAGS := $(NN_CFLAGS) -fno-schedule-insns
ifneq ($(filter aarch64-%,$(shell $(CC) -dumpmachine)),)
$(B)/libnpu/train/nn/kernels/%_neon.o: ISA_CFLAGS := $(NEON_CFLAGS)
$(B)/kmod/engine/simd/neon.o: ISA_CFLAGS := $(NEON_CFLAGS)
$(B)/kmod/engine/simd/dotprod.o: ISA_CFLAGS := $(NEON_CFLAGS) $(DOTPROD_CFLAGS)
$(B)/kmod/engine/simd/i8mm.o: ISA_CFLAGS := $(NEON_CFLAGS) $(I8MM_CFLAGS)
endif
