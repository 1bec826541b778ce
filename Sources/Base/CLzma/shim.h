#pragma once
#include <lzma.h>

/* Macros with casts in them, which Swift does not import. */
static const lzma_vli clzma_filter_x86 = 0x04;
static const lzma_vli clzma_filter_arm64 = 0x0A;
static const lzma_vli clzma_filter_lzma2 = 0x21;
static const lzma_vli clzma_vli_unknown = LZMA_VLI_UNKNOWN;
static const uint32_t clzma_preset_extreme = LZMA_PRESET_EXTREME;
static const uint32_t clzma_concatenated = LZMA_CONCATENATED;
