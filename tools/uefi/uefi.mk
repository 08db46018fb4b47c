# The stub that UEFI starts: build/$P/machine/BOOTX64.EFI. Windows has 16-bit characters and another
# ABI, so this is clang's.
STUB := $(B)/machine/BOOTX64.EFI
STUB_CFLAGS := -target x86_64-unknown-windows -std=gnu11 -O2 $(WARN) -ffreestanding \
	-fshort-wchar -mno-red-zone -mgeneral-regs-only -I.

$(B)/obj/uefi/stub.obj: tools/uefi/stub.c $(wildcard tools/uefi/*.h abi/*.h) tools/uefi/uefi.mk
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CLANG) $(STUB_CFLAGS) -c -o $@ $<
$(STUB): $(B)/obj/uefi/stub.obj
	@mkdir -p $(@D)
	$(call quiet,link)lld-link -nologo -subsystem:efi_application -entry:stub -nodefaultlib \
		-timestamp:0 -out:$@ $<

.PHONY: stub
stub: $(STUB)
