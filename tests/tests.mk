# SPDX-License-Identifier: MIT

UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)

$(B)/tests/%: tests/unit/%.c $(B)/libnpu-train.a $(B)/libnpu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ALL_LDFLAGS) -o $@ $< $(B)/libnpu-train.a $(B)/libnpu.a \
		-lcmocka $(TRAIN_LIBS) $(RUNTIME_LIBS)

include tests/bench/bench.mk
