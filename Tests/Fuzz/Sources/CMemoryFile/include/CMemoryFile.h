#ifndef CMEMORYFILE_H
#define CMEMORYFILE_H

// A new file in memory, or -1 with errno (memfd_create(2), which Swift does not import).
int memory_file(void);

#endif
