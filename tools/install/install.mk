# libtwz and `twz` as they are installed: $(B)/stage is what comes below the prefix; ./twizzler install puts
# it there (tools/door/install.sh).
#
#   lib/libtwz.a      one object: libtwz, librt and libcore, whose own names are local
#   lib/libtwz.so.N   the same, compiled as position-independent code
#   include/twz/      the public headers and what they need (tools/install/headers.sh)
#   bin/twz, share/man/
#
# What is not called twz_* stays inside. A release that a program built before does not run with is
# another major version, and another soname.

LIBTWZ_VERSION := 1.0.0
LIBTWZ_SONAME := libtwz.so.$(firstword $(subst ., ,$(LIBTWZ_VERSION)))

# Thread-local words are read in handlers of signals: nothing may be allocated for them then.
CFLAGS_pic := $(OPT) -fPIC -ftls-model=initial-exec
$(eval $(call variant-rules,pic))
$(call archive,pic,core,$(CORE_SRC))
$(call archive,pic,twz,$(TWZ_SRC))
$(call archive,pic,rt,$(RT_SRC))
$(call objects,pic,$(CORE_SRC) $(TWZ_SRC) $(RT_SRC)): tools/install/install.mk

INSTALL := $(B)/install
STAGE := $(B)/stage

$(INSTALL)/symbols: tools/install/headers.sh $(wildcard lib/include/twz/*.h abi/*.h core/*.h)
	@mkdir -p $(@D)
	$(call quiet,make)CC='$(CC)' tools/install/headers.sh $(@D)

define one-object-rules
$(INSTALL)/$(1).o: $(call whole,$(1)) $(INSTALL)/symbols tools/install/install.mk
	$$(call quiet,link)ld -r -o $$@.all --whole-archive $(call whole,$(1)) && \
		objcopy --strip-debug --redefine-syms=$(INSTALL)/symbols --wildcard \
			--keep-global-symbol='twz_*' $$@.all $$@ && rm $$@.all
endef
$(foreach v,plain pic,$(eval $(call one-object-rules,$(v))))

$(INSTALL)/libtwz.a: $(INSTALL)/plain.o
	$(call quiet,ar  )rm -f $@; $(AR) rcs $@ $<

$(INSTALL)/libtwz.so.$(LIBTWZ_VERSION): $(INSTALL)/pic.o tools/install/libtwz.map
	$(call quiet,link)$(CC) -shared -pthread -o $@ $< -Wl,-soname,$(LIBTWZ_SONAME) \
		-Wl,--version-script=tools/install/libtwz.map -Wl,-Bsymbolic-functions \
		-Wl,--no-undefined -Wl,--as-needed -Wl,--gc-sections -Wl,-z,relro $(LIBS)

# Made anew as a whole, and only when something in it changed: installs may be copying it.
.PHONY: stage
stage: $(STAGE).made
$(STAGE).made: $(B)/twz $(INSTALL)/symbols $(INSTALL)/libtwz.a $(INSTALL)/libtwz.so.$(LIBTWZ_VERSION) \
		$(wildcard tools/install/* tools/man/* docs/man/*)
	$(call quiet,copy)rm -rf $(STAGE) && mkdir -p $(STAGE)/bin $(STAGE)/lib/pkgconfig $(STAGE)/share/man/man1
	@cp -R $(INSTALL)/include $(STAGE)/
	@cp $(INSTALL)/libtwz.a $(INSTALL)/libtwz.so.$(LIBTWZ_VERSION) $(STAGE)/lib/
	@ln -s libtwz.so.$(LIBTWZ_VERSION) $(STAGE)/lib/$(LIBTWZ_SONAME)
	@ln -s $(LIBTWZ_SONAME) $(STAGE)/lib/libtwz.so
	@sed 's/@VERSION@/$(LIBTWZ_VERSION)/' tools/install/twz.pc >$(STAGE)/lib/pkgconfig/twz.pc
	@objcopy --strip-all $(B)/twz $(STAGE)/bin/twz
	@cp docs/man/*.1 $(STAGE)/share/man/man1/
	@tools/man/pages.sh $(STAGE)/share/man/man3
	@touch $@
