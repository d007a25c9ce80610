# SPDX-License-Identifier: MIT
# The two libraries. A new source file in a folder below is built without a change here;
# only files that need instruction-set flags are named.

# libdrm: DRM's ioctl wrappers and syncobjs; liburing: rings. Nothing else in the runtime.
RUNTIME_PKGS := libdrm liburing
# protobuf-c: ONNX files; zlib: gzipped IDX files; libpng, libjpeg: folders of images.
TRAIN_PKGS := libprotobuf-c zlib libpng libjpeg

RUNTIME_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(RUNTIME_PKGS))
RUNTIME_LIBS := $(shell $(PKG_CONFIG) --libs $(RUNTIME_PKGS))
TRAIN_LIBS := $(shell $(PKG_CONFIG) --libs $(TRAIN_PKGS)) -lm

INCLUDES := -Ilibnpu/include -Ikmod/uapi -Ikmod/engine -Ilibnpu -I$(B)/gen $(RUNTIME_CFLAGS)

RUNTIME_SRC := $(wildcard libnpu/runtime/*.c) $(wildcard kmod/engine/*.c kmod/engine/simd/*.c)
TRAIN_SRC := $(wildcard libnpu/train/*/*.c libnpu/train/*/*/*.c)
RUNTIME_OBJ := $(RUNTIME_SRC:%.c=$(B)/%.o)
TRAIN_OBJ := $(TRAIN_SRC:%.c=$(B)/%.o) $(B)/gen/onnx.pb-c.o

include libnpu/isa-flags.mk

# libnpu-train checks what it emits with the engine's own validation: libnpu.map exports that,
# which only symbols that are not hidden can be.
$(B)/kmod/engine/%.o: ALL_CFLAGS += -fvisibility=default

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ISA_CFLAGS) -c -o $@ $<

$(B)/gen/onnx.pb-c.c: libnpu/train/onnx/onnx.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=$(<D) --c_out=$(@D) $<
$(B)/gen/onnx.pb-c.h: $(B)/gen/onnx.pb-c.c
$(B)/gen/onnx.pb-c.o: $(B)/gen/onnx.pb-c.c
	$(CC) $(ALL_CFLAGS) $(INCLUDES) -c -o $@ $<
$(patsubst %.c,$(B)/%.o,$(wildcard libnpu/train/onnx/*.c)): | $(B)/gen/onnx.pb-c.h

$(B)/libnpu.a: $(RUNTIME_OBJ)
$(B)/libnpu-train.a: $(TRAIN_OBJ)
$(B)/%.a:
	rm -f $@ && $(AR) rcs $@ $^

$(B)/libnpu.so.$(SOVERSION): $(RUNTIME_OBJ) libnpu/runtime/libnpu.map
	$(CC) -shared $(ALL_LDFLAGS) -Wl,-soname,$(@F) -Wl,--no-undefined \
		-Wl,--version-script=libnpu/runtime/libnpu.map -o $@ $(RUNTIME_OBJ) $(RUNTIME_LIBS)
	ln -sf $(@F) $(B)/libnpu.so
$(B)/libnpu-train.so.$(SOVERSION): $(TRAIN_OBJ) libnpu/train/libnpu-train.map $(B)/libnpu.so.$(SOVERSION)
	$(CC) -shared $(ALL_LDFLAGS) -Wl,-soname,$(@F) -Wl,--no-undefined \
		-Wl,--version-script=libnpu/train/libnpu-train.map -o $@ $(TRAIN_OBJ) \
		-L$(B) -lnpu $(TRAIN_LIBS)
	ln -sf $(@F) $(B)/libnpu-train.so

.PHONY: libs
libs: $(B)/libnpu.a $(B)/libnpu-train.a $(B)/libnpu.so.$(SOVERSION) $(B)/libnpu-train.so.$(SOVERSION)

-include $(RUNTIME_OBJ:.o=.d) $(TRAIN_OBJ:.o=.d)
