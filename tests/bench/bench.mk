# SPDX-License-Identifier: MIT
# make bench [BENCH=pattern]: one line a measurement, those of names that contain the pattern; in
# process first, then what is measured in the virtual machine. As NPU_BENCH of a peers' suite:
# "build/bench --peers"; NPU_PEERS_TSV=results.tsv puts the peers' values beside ours.

BENCH_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c))

$(B)/bench: $(BENCH_OBJ) $(B)/libnpu-train.a $(B)/libnpu.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TRAIN_LIBS) $(RUNTIME_LIBS)

.PHONY: bench
bench: $(B)/bench
	@$(B)/bench $(if $(BENCH),'$(BENCH)')
	@MAKEFLAGS= tests/vm/bench '*$(BENCH)*'

-include $(BENCH_OBJ:.o=.d)
