# SPDX-License-Identifier: MIT
# The programs link our static libraries, so that a copied binary runs on a board as it is.

NPU_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tools/npu/*.c))

$(B)/npu: $(NPU_OBJ) $(B)/libnpu-train.a $(B)/libnpu.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TRAIN_LIBS) $(RUNTIME_LIBS) $(shell $(PKG_CONFIG) --libs json-c)

.PHONY: tools
tools: $(if $(NPU_OBJ),$(B)/npu)

-include $(NPU_OBJ:.o=.d)
