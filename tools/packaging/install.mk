# SPDX-License-Identifier: MIT
# make install DESTDIR= prefix=: libraries, headers, pkg-config files, npu, man pages, udev rule.

pkgconfigdir ?= $(libdir)/pkgconfig
udevdir ?= $(prefix)/lib/udev/rules.d
dkmsdir ?= /usr/src/npu-$(VERSION)

INSTALL ?= install
HEADERS := libnpu/include/npu.h libnpu/include/npu_train.h kmod/uapi/npu_accel.h
CHAPTERS := $(wildcard libnpu/include/npu_train/*.h)
MAN1 := $(wildcard Documentation/man/*.1)
MAN3 := $(wildcard Documentation/man/*.3)
MAN7 := $(wildcard Documentation/man/*.7)
LIBRARIES := npu npu-train

PC_FILES := $(LIBRARIES:%=$(B)/%.pc)
FILL_IN := sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' \
	       -e 's|@includedir@|$(includedir)|' -e 's|@version@|$(VERSION)|'

# Always made again: prefix may have changed since.
.PHONY: $(PC_FILES)
$(PC_FILES): $(B)/%.pc: tools/packaging/%.pc.in
	@mkdir -p $(@D)
	$(FILL_IN) $< > $@

define install_library
$(INSTALL) -m 644 $(B)/lib$(1).a $(DESTDIR)$(libdir)/
$(INSTALL) -m 755 $(B)/lib$(1).so.$(SOVERSION) $(DESTDIR)$(libdir)/lib$(1).so.$(VERSION)
ln -sf lib$(1).so.$(VERSION) $(DESTDIR)$(libdir)/lib$(1).so.$(SOVERSION)
ln -sf lib$(1).so.$(SOVERSION) $(DESTDIR)$(libdir)/lib$(1).so

endef

.PHONY: install uninstall install-dkms
install: libs tools $(PC_FILES)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(libdir) $(includedir) $(pkgconfigdir) \
		$(udevdir) $(mandir)/man1 $(mandir)/man3 $(mandir)/man7)
	$(foreach library,$(LIBRARIES),$(call install_library,$(library)))
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(includedir)/
	$(INSTALL) -d $(DESTDIR)$(includedir)/npu_train
	$(INSTALL) -m 644 $(CHAPTERS) $(DESTDIR)$(includedir)/npu_train/
	$(INSTALL) -m 644 $(PC_FILES) $(DESTDIR)$(pkgconfigdir)/
	$(INSTALL) -m 755 $(B)/npu $(DESTDIR)$(bindir)/
	$(INSTALL) -m 644 tools/packaging/60-npu.rules $(DESTDIR)$(udevdir)/
	$(if $(MAN1),$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(mandir)/man1/)
	$(if $(MAN3),$(INSTALL) -m 644 $(MAN3) $(DESTDIR)$(mandir)/man3/)
	$(if $(MAN7),$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(mandir)/man7/)
	@# The loader finds a new library only after this; a package does it on its own.
	@if test -z "$(DESTDIR)" && test "$$(id -u)" = 0; then ldconfig; fi

uninstall:
	rm -f $(foreach library,$(LIBRARIES),$(addprefix $(DESTDIR)$(libdir)/lib$(library), \
		.a .so .so.$(SOVERSION) .so.$(VERSION)))
	rm -f $(addprefix $(DESTDIR)$(includedir)/,$(notdir $(HEADERS)) $(CHAPTERS:libnpu/include/%=%))
	-rmdir $(DESTDIR)$(includedir)/npu_train
	rm -f $(addprefix $(DESTDIR)$(pkgconfigdir)/,$(notdir $(PC_FILES)))
	rm -f $(DESTDIR)$(bindir)/npu $(DESTDIR)$(udevdir)/60-npu.rules
	rm -f $(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(MAN1))) \
		$(addprefix $(DESTDIR)$(mandir)/man3/,$(notdir $(MAN3))) \
		$(addprefix $(DESTDIR)$(mandir)/man7/,$(notdir $(MAN7)))

# The module's sources for DKMS: then `dkms install npu/VERSION`.
install-dkms:
	$(INSTALL) -d $(DESTDIR)$(dkmsdir)
	tar -c --exclude='.*' --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude=modules.order \
		Kbuild kmod | tar -x --no-same-owner -C $(DESTDIR)$(dkmsdir)
	$(FILL_IN) tools/packaging/dkms.conf > $(DESTDIR)$(dkmsdir)/dkms.conf
