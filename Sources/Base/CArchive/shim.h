#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>

/* Macros with casts or expressions in them, which Swift does not import. */
static const uint32_t carchive_type_mask = AE_IFMT;
static const uint32_t carchive_type_file = AE_IFREG;
static const uint32_t carchive_type_directory = AE_IFDIR;
static const uint32_t carchive_type_link = AE_IFLNK;
static const uint32_t carchive_type_character_device = AE_IFCHR;
static const uint32_t carchive_type_block_device = AE_IFBLK;
static const uint32_t carchive_type_pipe = AE_IFIFO;
static const uint32_t carchive_type_socket = AE_IFSOCK;
