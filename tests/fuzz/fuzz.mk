# SPDX-License-Identifier: MIT
# make fuzz [FUZZ=name] [SECONDS=n]: the fuzzers of tests/fuzz, each for so long; default 60. What
# was found lies in build-fuzz/corpus/NAME and is built upon the next time; an input that fails is
# kept in build-fuzz.
#
# A fuzzer is NAME.c, with NAME_mutator.c where it changes inputs itself; seeds_NAME writes the
# inputs that it starts from. LIBFUZZER=1 builds everything for it, with clang.

ifdef LIBFUZZER
# Vector kernels are one body in another, which checks of each number make too large to compile; the
# address sanitizer, which looks at what they read and write, stays.
$(B)/kmod/engine/simd/%.o: ALL_CFLAGS += -O1 -fno-sanitize=undefined

# The words of instructions are all that two of them need of the training library.
FUZZ_WORDS := $(patsubst %,$(B)/libnpu/train/compile/%.o,instruction memory_map program_text)
FUZZ_LIBS = $(B)/libnpu.a -lcmocka $(TRAIN_LIBS) $(RUNTIME_LIBS)

$(B)/fuzz/engine: $(B)/tests/fuzz/engine_mutator.o
$(B)/fuzz/engine $(B)/fuzz/program $(B)/fuzz/seeds_program: $(FUZZ_WORDS)
$(B)/fuzz/onnx $(B)/fuzz/seeds_onnx: $(B)/libnpu-train.a

$(B)/fuzz/seeds_%: $(B)/tests/fuzz/seeds_%.o $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(B)/libnpu.a,$^) $(FUZZ_LIBS)
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter-out $(B)/libnpu.a,$^) $(FUZZ_LIBS)
.PRECIOUS: $(B)/tests/fuzz/%.o
-include $(wildcard $(B)/tests/fuzz/*.d)
endif

.PHONY: fuzz
fuzz:
	@tests/fuzz/run $(or $(SECONDS),60) $(or $(FUZZ),engine program)
