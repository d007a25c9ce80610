# SPDX-License-Identifier: MIT
# `make help` lists the targets.

prefix	?= /usr/local
bindir	?= $(prefix)/bin
libdir	?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir	?= $(prefix)/share/man

VERSION	:= 0.1.0
SOVERSION := 0

CC	?= gcc
PKG_CONFIG ?= pkg-config
# SAN=1 builds everything with ASan and UBSan, TSAN=1 with TSan, LIBFUZZER=1 for fuzzers, each in a
# folder of its own.
B	:= build$(if $(SAN),-san)$(if $(TSAN),-tsan)$(if $(LIBFUZZER),-fuzz)

CFLAGS	?= -O2 -g
LDFLAGS	?=
WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
SANFLAGS := $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)$(if $(TSAN),-fsanitize=thread)$(if $(LIBFUZZER),-fsanitize=fuzzer-no-link -fsanitize=address -fsanitize=undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=all)
# No contraction: f32 results must not depend on what the compiler fuses.
ALL_CFLAGS := -std=gnu11 -fPIC -pthread -fvisibility=hidden -ffp-contract=off -MMD -MP \
	      $(WARN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pthread $(SANFLAGS) $(LDFLAGS)

.PHONY: all
all: libs tools

# What `make demo` installs, and the targets that do without it.
BUILD_PACKAGES := gcc libc6-dev pkg-config libdrm-dev liburing-dev protobuf-c-compiler \
		  libprotobuf-c-dev zlib1g-dev libpng-dev libjpeg-dev libjson-c-dev
WITHOUT_PACKAGES := help demo demo-vm check modules modules_install clean install-dkms uninstall
GOALS := $(or $(MAKECMDGOALS),all)

include tools/packaging/install.mk
ifneq ($(filter-out $(WITHOUT_PACKAGES),$(GOALS)),)
ifneq ($(filter all libs tools install,$(GOALS)),)
ifeq ($(shell $(PKG_CONFIG) --exists libdrm liburing libprotobuf-c zlib libpng libjpeg json-c 2>/dev/null && echo found),)
$(error packages are missing: apt-get install $(BUILD_PACKAGES), or `make demo`, which does it)
endif
endif
include libnpu/libnpu.mk
include tools/tools.mk
include tests/tests.mk
endif

.PHONY: help
help:
	@cat tools/packaging/make-help.txt

# ------------------------------------------------------------------------ demo
VM_PACKAGES := linux-headers-6.12-amd64 qemu-system-x86 busybox-static cpio kmod xz-utils

.PHONY: demo demo-vm
demo:
	@tools/packaging/install-packages.sh $(BUILD_PACKAGES)
	@echo "Building the libraries and npu"
	@$(MAKE) -s --no-print-directory tools
	@tools/npu/demo.sh
demo-vm:
	@tools/packaging/install-packages.sh $(BUILD_PACKAGES) $(VM_PACKAGES)
	@echo "Building the libraries and npu"
	@$(MAKE) -s --no-print-directory tools
	@tools/npu/demo-vm.sh

# ----------------------------------------------------------------------- check
CHECK_PACKAGES := $(BUILD_PACKAGES) $(VM_PACKAGES) libcmocka-dev linux-source-6.12 sparse perl kmod \
		  xz-utils python3 python3-onnx python3-numpy python3-torch mandoc \
		  gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user qemu-system-arm \
		  flex bison bc clang

# make check [TESTS=pattern]: one test is STAGE/NAME, such as unit/data_csv or vm/uring
.PHONY: check
check:
	@tools/packaging/install-packages.sh $(CHECK_PACKAGES)
	@tests/run $(if $(TESTS),'$(TESTS)')

# ------------------------------------------------------------------ the module
# KDIR, or KERNEL_SRC as Yocto calls it; else the running kernel's headers, else the
# newest 6.12 headers that are installed.
KDIR ?= $(or $(KERNEL_SRC),$(wildcard /lib/modules/$(shell uname -r)/build),$(lastword $(sort $(wildcard /usr/src/linux-headers-6.12*-amd64))))

.PHONY: modules modules_install headers
modules modules_install: headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@
headers:
	@test -n "$(KDIR)" || { echo "no kernel headers found: apt install linux-headers-6.12-amd64, or make modules KDIR=..." >&2; exit 1; }

.PHONY: clean
clean:
	rm -rf build build-san build-tsan build-fuzz
	@if test -n "$(KDIR)" && test -d "$(KDIR)"; then $(MAKE) -s -C $(KDIR) M=$(CURDIR) clean; fi
