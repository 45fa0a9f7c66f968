/* AMX's tiles in software, with the order of additions that Intel's manual gives TDPBF16PS: the first numbers of all pairs make one
 * chain of fused multiply-adds from zero, the second numbers another; the two are added, and that to the sum. Each operation rounds to
 * nearest even; denormals are zero. (Its intrinsics guide has one chain instead. Nothing here counts on either.) */
#include "CTileTwin.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define TILE_TARGET
#define tile_configure(config) twin_configure(config)
#define tile_release() twin_release()
#define tile_zero(tile) twin_zero(tile)
#define tile_load(tile, from, bytes) twin_load(tile, from, bytes)
#define tile_store(tile, to, bytes) twin_store(tile, to, bytes)
#define tile_dot(sums, rows, columns) twin_dot(sums, rows, columns)

struct tile_config;
static void twin_configure(const struct tile_config *config);
static void twin_release(void);
static void twin_zero(int tile);
static void twin_load(int tile, const void *from, long bytes);
static void twin_store(int tile, void *to, long bytes);
static void twin_dot(int sums, int rows, int columns);

#include "tile_product.h"

#include "bfloat16.h"

/* A thread's tiles, as a processor has them. */
static _Thread_local struct {
  int configured, fault;
  long violations;
  struct tile_config config;
  uint8_t bytes[8][16][64];
} twin;

static void violation_unless(int fine) { twin.violations += !fine; }

static void twin_configure(const struct tile_config *config) {
  _Static_assert(sizeof *config == 64, "what LDTILECFG reads");
  twin.config = *config, twin.configured = 1;
  memset(twin.bytes, 0, sizeof twin.bytes);
  violation_unless(config->palette == 1 && config->start_row == 0);
  for (int i = 0; i < 14; i++) violation_unless(config->zeros[i] == 0);
  for (int tile = 0; tile < 16; tile++) {
    int rows = config->rows[tile], row_bytes = config->row_bytes[tile];
    violation_unless(rows <= 16 && row_bytes <= 64 && (rows == 0) == (row_bytes == 0) && (tile < 8 || rows == 0));
  }
}

static void twin_release(void) { twin.configured = 0; }

/* Rows and bytes of a row of a tile that is there. */
static void shape(int tile, int *rows, int *row_bytes) {
  *rows = twin.config.rows[tile], *row_bytes = twin.config.row_bytes[tile];
  violation_unless(twin.configured && *rows > 0);
}

static void twin_zero(int tile) {
  int rows, row_bytes;
  shape(tile, &rows, &row_bytes);
  if (twin.fault != CTWIN_KEEPS_SUMS) memset(twin.bytes[tile], 0, sizeof twin.bytes[tile]);
}

static void twin_load(int tile, const void *from, long bytes) {
  int rows, row_bytes;
  shape(tile, &rows, &row_bytes);
  memset(twin.bytes[tile], 0, sizeof twin.bytes[tile]);
  for (int r = 0; r < rows; r++) memcpy(twin.bytes[tile][r], (const char *)from + r * bytes, (size_t)row_bytes);
}

static void twin_store(int tile, void *to, long bytes) {
  int rows, row_bytes;
  shape(tile, &rows, &row_bytes);
  for (int r = 0; r < rows - (twin.fault == CTWIN_LOSES_ROW && rows == 16); r++) {
    float row[16];
    memcpy(row, twin.bytes[tile][r], sizeof row);
    if (twin.fault == CTWIN_LAST_COLUMN) row[15] = row[14];
    for (int j = 0; j < 16 && twin.fault == CTWIN_ROUNDS_EARLY; j++) row[j] = widen(narrow_to_nearest(row[j]));
    memcpy((char *)to + r * bytes, row, (size_t)row_bytes);
  }
}

static float flushed(float x) { return fabsf(x) < FLT_MIN ? copysignf(0, x) : x; }

static float chain(float sum, uint16_t x, uint16_t y) { return flushed(fmaf(flushed(widen(x)), flushed(widen(y)), sum)); }

static void twin_dot(int sums, int rows, int columns) {
  int high, deep, wide, sum_bytes, a_bytes, b_bytes;
  shape(sums, &high, &sum_bytes), shape(rows, &wide, &a_bytes), shape(columns, &deep, &b_bytes);
  violation_unless(sums != rows && sums != columns && rows != columns);
  violation_unless(high == wide && a_bytes == 4 * deep && sum_bytes == b_bytes);
  for (int r = 0; r < high; r++)
    for (int j = 0; j < sum_bytes / 4; j++) {
      float first = 0, second = 0, sum;
      for (int k = 0; k < a_bytes / 4; k++) {
        uint16_t x[2], y[2];
        memcpy(x, twin.bytes[rows][r] + 4 * k, 4), memcpy(y, twin.bytes[columns][k] + 4 * j, 4);
        first = chain(first, x[0], y[0]);
        if (twin.fault != CTWIN_LOSES_SECOND || k + 1 < a_bytes / 4) second = chain(second, x[1], y[1]);
      }
      memcpy(&sum, twin.bytes[sums][r] + 4 * j, 4);
      sum = flushed(flushed(sum) + flushed(first + second));
      memcpy(twin.bytes[sums][r] + 4 * j, &sum, 4);
    }
}

static void twin_strips(const struct ck_strips *strips) { tile_product(strips); }

static struct ck_strips strips_of(const struct ctwin_product *p) {
  return (struct ck_strips){p->rows,  p->columns, p->depth, p->a,   p->a_row, p->a_column,
                            p->b, p->b_row,   p->b_strip, p->c, p->ldc,   p->add};
}

long ctwin_multiply(const struct ctwin_product *product) {
  struct ck_strips strips = strips_of(product);
  memset(&twin, 0, sizeof twin);
  twin_strips(&strips);
  violation_unless(!twin.configured);
  return twin.violations;
}

void ctwin_multiply_here(const struct ctwin_product *product) {
  struct ck_strips strips = strips_of(product);
  ck_pair_strips(&strips);
}

int ctwin_passes(int fault) {
  memset(&twin, 0, sizeof twin);
  twin.fault = fault;
  return ck_agrees(twin_strips) && twin.violations == 0;
}
