/* What the Parquet library (cluster/parquet/parquet.cpp) and this program agree on: Arrow's C data interface, and a table of functions.

   The library is not linked: whoever reads no Parquet needs no Arrow. It is found at run time, and its version of this contract is
   compared before anything else is called. */
#ifndef CPARQUET_H
#define CPARQUET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arrow's C data interface, https://arrow.apache.org/docs/format/CDataInterface.html: structs that never change. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif

/* https://arrow.apache.org/docs/format/CStreamInterface.html */
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif

/* Grows with every change of what stands below. */
#define CPARQUET_VERSION 1

/* How a column is handed out. */
enum {
  /* Texts, numbers and booleans, as text. */
  CPARQUET_TEXT = 0,
  /* Moments and dates: digits of microseconds since 1970-01-01 UTC. */
  CPARQUET_TIME = 1,
  /* Lists of floating-point numbers, as lists of float32. */
  CPARQUET_VECTOR = 2,
  /* Whatever else there is, which is not handed out. */
  CPARQUET_OTHER = 3,
};

/* A column of a file; the texts live as long as the file is open. */
struct cparquet_column {
  /* UTF-8, with a dot before each inner name of a struct. */
  const char *name;
  size_t name_bytes;
  /* Arrow's name for the type, for people. */
  const char *type;
  int kind;
};

struct cparquet_file;
struct cparquet_writer;

/* Where a sentence goes when a function fails: at most `bytes`, the closing zero among them. */
struct cparquet_message {
  char *text;
  size_t bytes;
};

/* What to read. */
struct cparquet_selection {
  const int *columns;
  int column_count;
  /* Row groups from `first_group` up to, without, `end_group`. */
  int first_group;
  int end_group;
  /* The most rows of a batch. */
  int64_t batch_rows;
};

/* Takes written bytes; 0, or anything else to end the writing. */
typedef int (*cparquet_sink)(void *context, const void *bytes, size_t count);

/* The functions of the library. They return 0, or 1 with a sentence in `message`. */
struct cparquet_functions {
  /* Opens a file and reads its footer. */
  int (*open)(const char *path, struct cparquet_file **file, struct cparquet_message message);
  void (*close)(struct cparquet_file *file);
  int64_t (*rows)(const struct cparquet_file *file);
  int (*groups)(const struct cparquet_file *file);
  int64_t (*group_rows)(const struct cparquet_file *file, int group);
  int (*columns)(const struct cparquet_file *file);
  int (*column)(const struct cparquet_file *file, int index, struct cparquet_column *column);
  /* Starts a stream of batches, a struct of the columns in the order of the selection: binary (format "z") for texts and times, list of
     float32 for vectors. Texts are binary because what is no UTF-8 is the reader's business. Every batch was validated in full; the data
     buffer of a binary or list column is at least as long as its last offset says. To be released before the file is closed. */
  int (*read)(
      struct cparquet_file *file, const struct cparquet_selection *selection, struct ArrowArrayStream *stream,
      struct cparquet_message message);
  /* Starts a file of the columns `id` (string) and `embedding` (list of float32), compressed with zstd. */
  int (*create)(
      cparquet_sink sink, void *context, int64_t group_rows, struct cparquet_writer **writer, struct cparquet_message message);
  /* Appends `rows` ids, id i being the bytes from offsets[i] to offsets[i + 1], with `width` numbers each. */
  int (*append)(
      struct cparquet_writer *writer, int64_t rows, const int32_t *offsets, const char *ids, const float *values, int64_t width,
      struct cparquet_message message);
  /* Writes the footer. */
  int (*finish)(struct cparquet_writer *writer, struct cparquet_message message);
  /* Lets go of a writer, finished or not. */
  void (*discard)(struct cparquet_writer *writer);
};

/* The two symbols of the library. */
#define CPARQUET_VERSION_SYMBOL "cparquet_version"
#define CPARQUET_FUNCTIONS_SYMBOL "cparquet_functions"
typedef int (*cparquet_version_function)(void);
typedef const struct cparquet_functions *(*cparquet_functions_function)(void);

/* What came of looking for the library at a path. */
enum {
  CPARQUET_LOADED = 0,
  /* The system cannot load it; `reason` says why. */
  CPARQUET_UNLOADABLE = 1,
  /* It has another version of the contract, which stands in `version`, or none (-1). */
  CPARQUET_OTHER_VERSION = 2,
};

struct cparquet_library {
  const struct cparquet_functions *functions;
  int version;
  char reason[1024];
};

/* Loads the library at a path; it stays loaded. */
int cparquet_load(const char *path, struct cparquet_library *library);

#ifdef __cplusplus
}
#endif

#endif
